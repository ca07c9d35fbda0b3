// The label kernel by hand, a yardstick for what numba makes of kernels/gbpd:
// the same algorithm with the same counts, one thread, AVX2. A shared library; `label_volume` is its one entry.
//
// Boxes of 256, 128, ... 8 voxels deal their candidates to their eight children, which go side by side: a candidate is
// dropped where its tangent plane lies above the cap of a child, or above one of two low seeds at all its corners. What
// is left is evaluated at every voxel of the 4^3 leaves in float32; voxels whose two best are closer than the rounding
// are decided in float64. Not here: labels other than the seeds' numbers, blocks that are not asked for, other integers.
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
enum { TILE = 256, PART = 64, BLOCK = 8, LEAF = 4, CELL = 8, EIGHT = 8 };
enum { X, Y, Z, A00, A01, A02, A11, A12, A22, R, ERROR, SEED, RECORD = 16 };
enum { V, GX = 16, GY = 32, GZ = 48, PAIR = 64 };
static const float FAR = -3e38f;

typedef struct { __m256 a, b; } lanes;

INLINE lanes load(const float *p) { return (lanes){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
INLINE void store(float *p, lanes x) { _mm256_storeu_ps(p, x.a), _mm256_storeu_ps(p + 8, x.b); }
INLINE lanes all(float x) { return (lanes){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
INLINE lanes plus(lanes x, lanes y) { return (lanes){x.a + y.a, x.b + y.b}; }
INLINE lanes minus(lanes x, lanes y) { return (lanes){x.a - y.a, x.b - y.b}; }
INLINE lanes times(lanes x, lanes y) { return (lanes){x.a * y.a, x.b * y.b}; }
INLINE lanes fma3(lanes x, lanes y, lanes z) {
    return (lanes){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
INLINE lanes root(lanes x) { return (lanes){_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)}; }
INLINE lanes least(lanes x, lanes y) { return (lanes){_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
INLINE lanes most(lanes x, lanes y) { return (lanes){_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
INLINE lanes size(lanes x) { return most(x, minus(all(0), x)); }
INLINE lanes where_less(lanes x, lanes y, lanes yes, lanes no) {
    return (lanes){_mm256_blendv_ps(no.a, yes.a, _mm256_cmp_ps(x.a, y.a, _CMP_LT_OQ)),
                   _mm256_blendv_ps(no.b, yes.b, _mm256_cmp_ps(x.b, y.b, _CMP_LT_OQ))};
}
INLINE unsigned unless_above(lanes x, lanes y) {
    return (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(x.a, y.a, _CMP_NGT_UQ)) |
           (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(x.b, y.b, _CMP_NGT_UQ)) << 8;
}
INLINE lanes halves(float x, float y) { return (lanes){_mm256_set1_ps(x), _mm256_set1_ps(y)}; }
INLINE lanes twice(__m256 x) { return (lanes){x, x}; }
INLINE long lesser(long a, long b) { return a < b ? a : b; }
INLINE long room_for(long count) { return count + EIGHT + 1; }

typedef struct { long z, y, x; } triple;
typedef struct { lanes cx, cy, cz, wx, wy, wz, cap; unsigned bits; } family;
typedef struct {
    const double *place, *position, *matrices, *offset, *frame;
    int32_t *out;
    triple shape;
    long n, counts[4];
    int squared;
    float *c, *t, *caps;
    int32_t *lists;
    uint8_t *flags, orders[256][EIGHT];
    long t_size, list_size, ends[8];
    triple low, high, cells;
    long edge;
    double middle[3];
} work;

static void *larger(void *old, long *size, long need, size_t item) {
    if (need <= *size) return old;
    *size = need + need / 2;
    return realloc(old, *size * item);
}

static void load_seeds(work *w, const float *factor, const double *shift) {
    memset(w->c, 0, (w->n + 1) * RECORD * sizeof(float));
    for (int32_t i = 0; i < w->n; i++) {
        float *o = w->c + (long)i * RECORD;
        for (int row = 0; row < 6; row++) o[A00 + row] = factor[row * w->n + i];
        o[R] = shift[i];
        memcpy(o + SEED, &i, 4);
    }
    w->c[w->n * RECORD + R] = FAR;
}

static void place_seeds(work *w) {
    for (long i = 0; i < w->n; i++) {
        float *o = w->c + i * RECORD, norm = 0, reach;
        o[X] = w->place[i] - w->middle[2], o[Y] = w->place[w->n + i] - w->middle[1];
        o[Z] = w->place[2 * w->n + i] - w->middle[0];
        for (int row = A00; row < R; row++) norm += o[row] * o[row];
        reach = sqrtf(norm) * (fabsf(o[X]) + fabsf(o[Y]) + fabsf(o[Z]) + TILE);
        if (w->squared) reach = 2 * reach * reach;
        o[ERROR] = (reach + fabsf(o[R])) * 0x1p-19f + 0x1p-40f;
    }
}

// ---- caps: values that some seed stays below in all of a cell, and of larger boxes

static float value_at(const float *o, float x, float y, float z, int squared) {
    float dx = x - o[X], dy = y - o[Y], dz = z - o[Z];
    float u0 = o[A00] * dx + o[A01] * dy + o[A02] * dz, u1 = o[A11] * dy + o[A12] * dz, u2 = o[A22] * dz;
    float q = u0 * u0 + u1 * u1 + u2 * u2;
    return (squared ? q : sqrtf(q)) - o[R];
}

static void offer(work *w, int32_t *who, float *value, int32_t candidate, const float *centre) {
    if (candidate < 0 || who[0] == candidate || who[1] == candidate) return;
    float v = value_at(w->c + candidate, centre[2], centre[1], centre[0], w->squared);
    if (v < value[0]) value[1] = value[0], who[1] = who[0], value[0] = v, who[0] = candidate;
    else if (v < value[1]) value[1] = v, who[1] = candidate;
}

INLINE void centre_of(const work *w, long z, long y, long x, float *centre) {
    centre[0] = w->low.z - w->middle[0] + (z + 0.5) * w->edge;
    centre[1] = w->low.y - w->middle[1] + (y + 0.5) * w->edge;
    centre[2] = w->low.x - w->middle[2] + (x + 0.5) * w->edge;
}

INLINE long clamped(long k, long cells) { return k < 0 ? 0 : k < cells ? k : cells - 1; }

// Offers each cell the seeds in it; one `beyond` cells or less outside goes to the nearest. How many there were.
static long offer_own(work *w, int32_t *who, float *value, long beyond) {
    long nz = w->cells.z, ny = w->cells.y, nx = w->cells.x, count = 0;
    for (long i = 0; i < w->n; i++) {
        const float *o = w->c + i * RECORD;
        float centre[3];
        long z = (long)floor((o[Z] - (w->low.z - w->middle[0])) / w->edge);
        long y = (long)floor((o[Y] - (w->low.y - w->middle[1])) / w->edge);
        long x = (long)floor((o[X] - (w->low.x - w->middle[2])) / w->edge);
        if (-z > beyond || -y > beyond || -x > beyond) continue;
        if (z - nz + 1 > beyond || y - ny + 1 > beyond || x - nx + 1 > beyond) continue;
        z = clamped(z, nz), y = clamped(y, ny), x = clamped(x, nx);
        long p = (z * ny + y) * nx + x;
        centre_of(w, z, y, x, centre);
        offer(w, who + 2 * p, value + 2 * p, i * RECORD, centre);
        count++;
    }
    return count;
}

static void low_seeds(work *w, int32_t *who, float *value) {
    long nz = w->cells.z, ny = w->cells.y, nx = w->cells.x, all = nz * ny * nx;
    float centre[3];
    for (long k = 0; k < 2 * all; k++) who[k] = -1, value[k] = INFINITY;
    if (!offer_own(w, who, value, 1)) offer_own(w, who, value, 1L << 62);
    for (int step = 1; step >= -1; step -= 2)
        for (long place = 0; place < all; place++) {
            long p = step == 1 ? place : all - 1 - place, z = p / (ny * nx), y = p / nx % ny, x = p % nx;
            centre_of(w, z, y, x, centre);
            for (int k = 0; k < 2; k++) {
                if (x - step >= 0 && x - step < nx) offer(w, who + 2 * p, value + 2 * p, who[2 * (p - step) + k], centre);
                if (y - step >= 0 && y - step < ny)
                    offer(w, who + 2 * p, value + 2 * p, who[2 * (p - step * nx) + k], centre);
                if (z - step >= 0 && z - step < nz)
                    offer(w, who + 2 * p, value + 2 * p, who[2 * (p - step * nx * ny) + k], centre);
            }
        }
}

static float peak(const float *o, const float *centre, const float *half, int squared) {
    const __m256 sx = _mm256_setr_ps(-1, 1, -1, 1, -1, 1, -1, 1), sy = _mm256_setr_ps(-1, -1, 1, 1, -1, -1, 1, 1);
    const __m256 sz = _mm256_setr_ps(-1, -1, -1, -1, 1, 1, 1, 1);
    __m256 dx = sx * half[2] + (centre[2] - o[X]), dy = sy * half[1] + (centre[1] - o[Y]);
    __m256 dz = sz * half[0] + (centre[0] - o[Z]);
    __m256 u0 = o[A00] * dx + (o[A01] * dy + o[A02] * dz), u1 = o[A11] * dy + o[A12] * dz, u2 = o[A22] * dz;
    __m256 q = u0 * u0 + (u1 * u1 + u2 * u2);
    float d[8], high;
    _mm256_storeu_ps(d, (squared ? q : _mm256_sqrt_ps(q)) - (o[R] - o[ERROR]));
    high = d[0];
    for (int k = 1; k < 8; k++) high = d[k] > high ? d[k] : high;
    return high;
}

INLINE long level_of(const work *w, int level, long *ny, long *nx) {
    long begin = 0, nz = w->cells.z;
    *ny = w->cells.y, *nx = w->cells.x;
    for (; level; level--) begin += nz * *ny * *nx, nz = (nz + 1) >> 1, *ny = (*ny + 1) >> 1, *nx = (*nx + 1) >> 1;
    return begin;
}

static void cap_pyramid(work *w) {
    double volume = (double)(w->high.z - w->low.z) * (w->high.y - w->low.y) * (w->high.x - w->low.x);
    long inside = 0, ny, nx;
    for (long i = 0; i < w->n; i++) {
        const float *o = w->c + i * RECORD;
        inside += fabsf(o[X]) <= w->high.x - w->middle[2] && fabsf(o[Y]) <= w->high.y - w->middle[1] &&
                  fabsf(o[Z]) <= w->high.z - w->middle[0];
    }
    for (w->edge = CELL; w->edge < TILE && inside * (double)(w->edge * w->edge * w->edge) < 0.5 * volume;) w->edge *= 2;
    w->cells = (triple){(w->high.z - w->low.z + w->edge - 1) / w->edge, (w->high.y - w->low.y + w->edge - 1) / w->edge,
                        (w->high.x - w->low.x + w->edge - 1) / w->edge};
    long all = w->cells.z * w->cells.y * w->cells.x, total = level_of(w, 9, &ny, &nx);
    int32_t *who = malloc(2 * all * sizeof *who);
    float *value = malloc(2 * all * sizeof *value);
    low_seeds(w, who, value);
    w->caps = realloc(w->caps, total * sizeof(float));
    for (long k = 0; k < total; k++) w->caps[k] = FAR;
    for (long p = 0; p < all; p++) {
        long z = p / (w->cells.y * w->cells.x), y = p / w->cells.x % w->cells.y, x = p % w->cells.x;
        long az = w->low.z + z * w->edge, ay = w->low.y + y * w->edge, ax = w->low.x + x * w->edge;
        long bz = lesser(az + w->edge, w->high.z), by = lesser(ay + w->edge, w->high.y), bx = lesser(ax + w->edge, w->high.x);
        float centre[3] = {(az + bz) * 0.5 - w->middle[0], (ay + by) * 0.5 - w->middle[1], (ax + bx) * 0.5 - w->middle[2]};
        float half[3] = {(bz - az) * 0.5, (by - ay) * 0.5, (bx - ax) * 0.5};
        float cap = peak(w->c + who[2 * p], centre, half, w->squared);
        if (who[2 * p + 1] >= 0) cap = fminf(cap, peak(w->c + who[2 * p + 1], centre, half, w->squared));
        for (long level = 0, size = w->edge; size <= TILE; level++, size *= 2) {
            long place = level_of(w, level, &ny, &nx);
            place += ((z >> level) * ny + (y >> level)) * nx + (x >> level);
            w->caps[place] = fmaxf(w->caps[place], cap);
        }
    }
    free(who), free(value);
}

// ---- dealing candidates to children

INLINE unsigned set_axis(lanes *centre, lanes *width, __m256 far, long first, long last, long half, double middle, unsigned near) {
    long cut = lesser(first + half, last);
    float low = (first + cut) * 0.5 - middle, wide = (cut - first - 1) * 0.5, high = low, broad = wide;
    if (cut < last) high = (cut + last) * 0.5 - middle, broad = (last - cut - 1) * 0.5, near = 255;
    *centre = twice(_mm256_blendv_ps(_mm256_set1_ps(low), _mm256_set1_ps(high), far));
    *width = twice(_mm256_blendv_ps(_mm256_set1_ps(wide), _mm256_set1_ps(broad), far));
    return near;
}

INLINE void set_children(const work *w, family *f, triple first, triple last, long half) {
    const __m256 x = _mm256_setr_ps(0, -1, 0, -1, 0, -1, 0, -1), y = _mm256_setr_ps(0, 0, -1, -1, 0, 0, -1, -1);
    const __m256 z = _mm256_setr_ps(0, 0, 0, 0, -1, -1, -1, -1);
    f->bits = set_axis(&f->cx, &f->wx, x, first.x, last.x, half, w->middle[2], 0x55);
    f->bits &= set_axis(&f->cy, &f->wy, y, first.y, last.y, half, w->middle[1], 0x33);
    f->bits &= set_axis(&f->cz, &f->wz, z, first.z, last.z, half, w->middle[0], 0x0F);
}

INLINE void set_caps(const work *w, family *f, triple first, long half) {
    float cap[8] = {0};
    long level = 0, size = w->edge, ny, nx;
    while (size < half) level++, size *= 2;
    long begin = level_of(w, level, &ny, &nx);
    for (int k = 0; k < 8; k++)
        if (f->bits >> k & 1) {
            long z = (first.z + (k >> 2) * half - w->low.z) / size, y = (first.y + (k >> 1 & 1) * half - w->low.y) / size;
            cap[k] = w->caps[begin + (z * ny + y) * nx + (first.x + (k & 1) * half - w->low.x) / size];
        }
    f->cap = twice(_mm256_loadu_ps(cap));
}

typedef struct { lanes v, gx, gy, gz; } tangent;

INLINE tangent tangents(const float *a, const float *b, const family *f, int squared) {
    lanes dx = minus(f->cx, halves(a[X], b[X])), dy = minus(f->cy, halves(a[Y], b[Y])), dz = minus(f->cz, halves(a[Z], b[Z]));
    lanes a00 = halves(a[A00], b[A00]), a01 = halves(a[A01], b[A01]), a02 = halves(a[A02], b[A02]);
    lanes a11 = halves(a[A11], b[A11]), a12 = halves(a[A12], b[A12]), a22 = halves(a[A22], b[A22]);
    lanes u0 = fma3(a00, dx, fma3(a01, dy, times(a02, dz))), u1 = fma3(a11, dy, times(a12, dz)), u2 = times(a22, dz);
    lanes q = fma3(u0, u0, fma3(u1, u1, times(u2, u2))), value = q, slope = all(2);
    if (!squared) {
        value = root(q);
        slope = (lanes){1.0f / value.a, 1.0f / value.b};
        slope = where_less(all(0x1p-100f), q, slope, all(0));
    }
    u0 = times(u0, slope), u1 = times(u1, slope), u2 = times(u2, slope);
    return (tangent){minus(value, halves(a[R], b[R])), times(times(a00, u0), f->wx),
                     times(fma3(a01, u0, times(a11, u1)), f->wy),
                     times(fma3(a02, u0, fma3(a12, u1, times(a22, u2))), f->wz)};
}

INLINE lanes lowest(const tangent *t, const float *a, const float *b) {
    lanes fall = plus(size(t->gx), plus(size(t->gy), size(t->gz)));
    return minus(minus(t->v, fall), halves(a[ERROR], b[ERROR]));
}

// orders[bits]: the places of the bits that are set, ascending.
static void set_orders(work *w) {
    memset(w->orders, 0, sizeof w->orders);
    for (int bits = 0; bits < 256; bits++)
        for (int k = 0, n = 0; k < EIGHT; k++)
            if (bits >> k & 1) w->orders[bits][n++] = k;
}

// Candidates whose byte in flags has bit k go to the list of child k, eight at a time: up to seven more behind its end.
INLINE void share_out(work *w, long start, long count) {
    memset(w->flags + (count + 1) / 2 * 2, 0, EIGHT);
    long end[8];
    memcpy(end, w->ends, sizeof end);
    for (long g = 0; g < count; g += EIGHT) {
        __m256i who = _mm256_loadu_si256((const __m256i *)(w->lists + start + g));
        uint64_t eight;
        memcpy(&eight, w->flags + g, 8);
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++) {
            unsigned bits = (eight >> k & 0x0101010101010101) * 0x0102040810204080 >> 56;
            __m256i order = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)w->orders[bits]));
            _mm256_storeu_si256((__m256i *)(w->lists + end[k]), _mm256_permutevar8x32_epi32(who, order));
            end[k] += __builtin_popcount(bits);
        }
    }
    memcpy(w->ends, end, sizeof end);
}

INLINE void flag(work *w, long pair, unsigned bits) {
    uint16_t both = bits;
    memcpy(w->flags + 2 * pair, &both, 2);
}

INLINE void deal(work *w, long start, long count, const family *f, int squared) {
    for (long pair = 0; pair < (count + 1) / 2; pair++) {
        const float *a = w->c + w->lists[start + 2 * pair], *b = w->c + w->lists[start + 2 * pair + 1];
        tangent t = tangents(a, b, f, squared);
        flag(w, pair, unless_above(lowest(&t, a, b), f->cap) & f->bits * 257);
    }
    share_out(w, start, count);
}

// The first eight floats of eight records, side by side.
INLINE void transpose(const float *c, const int32_t *place, __m256 *row) {
    __m256 r[8], t[8];
    for (int k = 0; k < 8; k++) r[k] = _mm256_loadu_ps(c + place[k]);
    for (int k = 0; k < 8; k += 2) {
        t[k] = _mm256_unpacklo_ps(r[k], r[k + 1]), t[k + 1] = _mm256_unpackhi_ps(r[k], r[k + 1]);
    }
    for (int k = 0; k < 8; k += 4) {
        r[k] = _mm256_shuffle_ps(t[k], t[k + 2], 0x44), r[k + 1] = _mm256_shuffle_ps(t[k], t[k + 2], 0xEE);
        r[k + 2] = _mm256_shuffle_ps(t[k + 1], t[k + 3], 0x44), r[k + 3] = _mm256_shuffle_ps(t[k + 1], t[k + 3], 0xEE);
    }
    for (int k = 0; k < 4; k++) {
        row[k] = _mm256_permute2f128_ps(r[k], r[k + 4], 0x20);
        row[k + 4] = _mm256_permute2f128_ps(r[k], r[k + 4], 0x31);
    }
}

// Two low candidates of each child, field by field.
INLINE void load_picks(const work *w, long start, long count, lanes who, lanes *field) {
    if (count <= 4) {  // a choice of two pairs
        const float *pair[4];
        for (int k = 0; k < 4; k++) pair[k] = w->c + w->lists[start + (count > 2 ? k : k & 1)];
        for (int row = 0; row <= ERROR; row++)
            field[row] = where_less(who, all(0.5f), halves(pair[0][row], pair[1][row]), halves(pair[2][row], pair[3][row]));
        return;
    }
    float pair[16];
    int32_t pick[16];
    __m256 low[8], high[8];
    store(pair, who);
    for (int k = 0; k < 16; k++) pick[k] = w->lists[start + 2 * (long)pair[k] + (k >> 3)];
    for (int row = 0; row <= ERROR; row += 8) {
        transpose(w->c + row, pick, low), transpose(w->c + row, pick + 8, high);
        for (int k = 0; k < 8 && row + k <= ERROR; k++) field[row + k] = (lanes){low[k], high[k]};
    }
}

// Values of two low candidates of each child at its corners, with their rounding; the highest of each.
INLINE lanes pick_corners(const work *w, long start, long count, lanes who, const family *f, int squared, lanes *corner) {
    lanes of[RECORD], high = all(FAR);
    load_picks(w, start, count, who, of);
    lanes dx = minus(f->cx, of[X]), dy = minus(f->cy, of[Y]), dz = minus(f->cz, of[Z]), r = minus(of[R], of[ERROR]);
    lanes a00 = of[A00], a01 = of[A01], a02 = of[A02], a11 = of[A11], a12 = of[A12], a22 = of[A22];
    for (int k = 0; k < 8; k++) {
        lanes x = k & 1 ? plus(dx, f->wx) : minus(dx, f->wx), y = k & 2 ? plus(dy, f->wy) : minus(dy, f->wy);
        lanes z = k & 4 ? plus(dz, f->wz) : minus(dz, f->wz);
        lanes u0 = fma3(a00, x, fma3(a01, y, times(a02, z))), u1 = fma3(a11, y, times(a12, z)), u2 = times(a22, z);
        lanes q = fma3(u0, u0, fma3(u1, u1, times(u2, u2)));
        corner[k] = minus(squared ? q : root(q), r);
        high = most(high, corner[k]);
    }
    return high;
}

// Children, as bits, of one candidate and of the next, whose tangents do not exceed both picks at all corners.
INLINE unsigned below_corners(const float *t, lanes error, const lanes *corner) {
    lanes v = minus(load(t + V), error), gx = load(t + GX), gy = load(t + GY), gz = load(t + GZ);
    lanes edge[4] = {minus(minus(v, gz), gy), plus(minus(v, gz), gy), minus(plus(v, gz), gy), plus(plus(v, gz), gy)};
    lanes a = all(INFINITY), b = a;
    for (int k = 0; k < 8; k++) {
        lanes at = k & 1 ? plus(edge[k >> 1], gx) : minus(edge[k >> 1], gx);
        a = least(a, minus(twice(at.a), corner[k]));
        b = least(b, minus(twice(at.b), corner[k]));
    }
    unsigned bits_a = unless_above(a, all(0)), bits_b = unless_above(b, all(0));
    return (bits_a & bits_a >> 8) | (bits_b & bits_b >> 8) << 8;
}

INLINE void split(work *w, long start, long count, const family *f, int squared) {
    lanes best = all(INFINITY), who = all(0), corner[8];
    for (long pair = 0; pair < (count + 1) / 2; pair++) {
        tangent t = tangents(w->c + w->lists[start + 2 * pair], w->c + w->lists[start + 2 * pair + 1], f, squared);
        float *to = w->t + pair * PAIR;
        store(to + V, t.v), store(to + GX, t.gx), store(to + GY, t.gy), store(to + GZ, t.gz);
        who = where_less(t.v, best, all((float)pair), who);
        best = least(best, t.v);
    }
    lanes high = pick_corners(w, start, count, who, f, squared, corner), bar = least(twice(_mm256_min_ps(high.a, high.b)), f->cap);
    for (long pair = 0; pair < (count + 1) / 2; pair++) {
        const float *a = w->c + w->lists[start + 2 * pair], *b = w->c + w->lists[start + 2 * pair + 1];
        const float *from = w->t + pair * PAIR;
        tangent t = {load(from + V), load(from + GX), load(from + GY), load(from + GZ)};
        unsigned bits = unless_above(lowest(&t, a, b), bar) & f->bits * 257;
        bits &= below_corners(from, halves(a[ERROR], b[ERROR]), corner);
        flag(w, pair, bits);
    }
    share_out(w, start, count);
}

// ---- leaves

static double distance(const work *w, long i, double x, double y, double z) {
    const double *s = w->position + 3 * i, *m = w->matrices + 9 * i;
    double dx = x - s[0], dy = y - s[1], dz = z - s[2];
    double q = m[0] * dx * dx + m[4] * dy * dy + m[8] * dz * dz;
    q += 2.0 * (m[1] * dx * dy + m[2] * dx * dz + m[5] * dy * dz);
    q = q > 0 ? q : 0;
    return (w->squared ? q : sqrt(q)) - w->offset[i];
}

// Bound of the rounding of d within a leaf, see leaves.py.
static float rounding(const work *w, long start, long count, triple first, int squared) {
    float bound = 0;
    for (long k = start; k < start + count; k++) {
        const float *o = w->c + w->lists[k];
        float norm = 0, place = fabsf(o[X]) + fabsf(o[Y]) + fabsf(o[Z]);
        for (int row = A00; row < R; row++) norm += o[row] * o[row];
        norm = sqrtf(norm);
        double far = fabs(first.x + 2 - w->middle[2] - o[X]) + fabs(first.y + 2 - w->middle[1] - o[Y]) +
                     fabs(first.z + 2 - w->middle[0] - o[Z]) + 6, e = norm * (place + 24 * far);
        if (squared) e = e * (2 * norm * far + e * 0x1p-24) + norm * far * (norm * far);
        bound = fmaxf(bound, e + 4 * fabsf(o[R]));
    }
    return bound * 0x1p-24f + 0x1p-40f;
}

// The winners at the voxels of a leaf, plane by plane; bits of the close ones, 16 a plane.
INLINE uint64_t compete(work *w, long start, long count, triple first, int squared, int32_t *row, long nx, long plane) {
    const float x = first.x + 0.5 - w->middle[2], y = first.y + 0.5 - w->middle[1], z = first.z + 0.5 - w->middle[0];
    const lanes lx = {x + _mm256_setr_ps(0, 1, 2, 3, 0, 1, 2, 3), x + _mm256_setr_ps(0, 1, 2, 3, 0, 1, 2, 3)};
    const lanes ly = {y + _mm256_setr_ps(0, 0, 0, 0, 1, 1, 1, 1), y + _mm256_setr_ps(2, 2, 2, 2, 3, 3, 3, 3)};
    float margin = 0, *t = w->t;
    for (long k = 0; k < count; k++, t += 4 * 16) {
        const float *o = w->c + w->lists[start + k];
        lanes dx = minus(lx, all(o[X])), dy = minus(ly, all(o[Y])), a02 = all(o[A02]), a12 = all(o[A12]), r = all(o[R]);
        float dz = z - o[Z], u2 = o[A22] * dz;
        lanes u0 = fma3(all(o[A00]), dx, fma3(all(o[A01]), dy, all(o[A02] * dz)));
        lanes u1 = fma3(all(o[A11]), dy, all(o[A12] * dz));
#pragma GCC unroll 4
        for (int p = 0; p < LEAF; p++, u0 = plus(u0, a02), u1 = plus(u1, a12), u2 += o[A22]) {
            lanes d = fma3(u0, u0, fma3(u1, u1, all(u2 * u2)));
            store(t + 16 * p, minus(squared ? d : root(d), r));
        }
        margin = o[ERROR] > margin ? o[ERROR] : margin;
    }
    if (squared) margin = rounding(w, start, count, first, 1);
    uint64_t close = 0;
    for (int p = 0; p < LEAF; p++) {
        t = w->t + 16 * p;
        lanes best = load(t), next = all(INFINITY), name = all(w->c[w->lists[start] + SEED]);
        for (long k = 1; k < count; k++) {
            lanes d = load(t + 64 * k);
            next = least(next, most(d, best));
            name = where_less(d, best, all(w->c[w->lists[start + k] + SEED]), name);
            best = least(d, best);
        }
        int32_t *to = row + p * plane;
        _mm_storeu_ps((float *)to, _mm256_castps256_ps128(name.a));
        _mm_storeu_ps((float *)(to + nx), _mm256_extractf128_ps(name.a, 1));
        _mm_storeu_ps((float *)(to + 2 * nx), _mm256_castps256_ps128(name.b));
        _mm_storeu_ps((float *)(to + 3 * nx), _mm256_extractf128_ps(name.b, 1));
        close |= (uint64_t)unless_above(minus(next, best), all(2 * margin)) << 16 * p;
    }
    return close;
}

// How far the lowest d of a leaf's voxel lies below the next.
static float lead(const float *d, long count) {
    float best = INFINITY, second = INFINITY;
    for (long k = 0; k < count; k++, d += 64) second = fminf(second, fmaxf(*d, best)), best = fminf(*d, best);
    return second - best;
}

static void settle(work *w, long start, long count, triple first, uint64_t close, int32_t *row, long nx, long plane) {
    float doubt = w->squared ? INFINITY : 2 * rounding(w, start, count, first, 0);
    for (; close; close &= close - 1) {
        int k = __builtin_ctzll(close);
        if (!w->squared && lead(w->t + k, count) > doubt) continue;
        double x = w->frame[0] + (first.x + k % 4 + 0.5) * w->frame[3], low = INFINITY;
        double y = w->frame[1] + (first.y + k / 4 % 4 + 0.5) * w->frame[3];
        double z = w->frame[2] + (first.z + k / 16 + 0.5) * w->frame[3];
        long winner = -1;
        for (long s = start; s < start + count; s++) {
            int32_t i;
            memcpy(&i, w->c + w->lists[s] + SEED, 4);
            double d = distance(w, i, x, y, z);
            if (d < low || (d == low && i < winner)) low = d, winner = i;
        }
        row[k / 16 * plane + k / 4 % 4 * nx + k % 4] = winner;
        w->counts[3]++;
    }
}

static void fill(work *w, triple a, triple b, int32_t candidate) {
    int32_t value;
    memcpy(&value, w->c + candidate + SEED, 4);
    for (long z = a.z; z < b.z; z++)
        for (long y = a.y; y < b.y; y++) {
            int32_t *row = w->out + (z * w->shape.y + y) * w->shape.x;
            for (long x = a.x; x < b.x; x++) row[x] = value;
        }
}

INLINE void child_of(triple first, triple last, int k, long half, triple *a, triple *b) {
    *a = (triple){first.z + (k >> 2) * half, first.y + (k >> 1 & 1) * half, first.x + (k & 1) * half};
    *b = (triple){lesser(a->z + half, last.z), lesser(a->y + half, last.y), lesser(a->x + half, last.x)};
}

INLINE void label_block(work *w, long start, long count, long end, triple first, triple last, int squared) {
    long stride = room_for(count), level = 0, ny, nx, begin = level_of(w, level, &ny, &nx);
    family f;
    set_children(w, &f, first, last, LEAF);
    long z = (first.z - w->low.z) / w->edge, y = (first.y - w->low.y) / w->edge, x = (first.x - w->low.x) / w->edge;
    f.cap = all(w->caps[begin + (z * ny + y) * nx + x]);
    for (int k = 0; k < 8; k++) w->ends[k] = end + k * stride;
    for (long m = first.z; m < last.z; m++)
        for (long v = first.y; v < last.y; v++) __builtin_prefetch(w->out + (m * w->shape.y + v) * w->shape.x + first.x);
    split(w, start, count, &f, squared);
    for (int k = 0; k < 8; k++) {
        if (!(f.bits >> k & 1)) continue;
        triple a, b;
        child_of(first, last, k, LEAF, &a, &b);
        long from = end + k * stride, kept = w->ends[k] - from;
        w->counts[0]++, w->counts[1] += count;
        int32_t patch[64], *row = w->out + (a.z * w->shape.y + a.y) * w->shape.x + a.x;
        int whole = b.z - a.z == LEAF && b.y - a.y == LEAF && b.x - a.x == LEAF;
        int32_t *to = whole ? row : patch;
        long nx = whole ? w->shape.x : LEAF, plane = whole ? w->shape.x * w->shape.y : LEAF * LEAF;
        if (kept == 1) {
            __m128i name = _mm_castps_si128(_mm_set1_ps(w->c[w->lists[from] + SEED]));
            for (int m = 0; m < LEAF; m++)
                for (int v = 0; v < LEAF; v++) _mm_storeu_si128((__m128i *)(to + m * plane + v * nx), name);
        } else {
            w->counts[2] += kept * 64;
            uint64_t close = compete(w, from, kept, a, squared, to, nx, plane);
            if (close) settle(w, from, kept, a, close, to, nx, plane);
        }
        if (whole) continue;
        for (long m = 0; m < b.z - a.z; m++)
            for (long v = 0; v < b.y - a.y; v++)
                memcpy(row + (m * w->shape.y + v) * w->shape.x, patch + 16 * m + 4 * v, (b.x - a.x) * sizeof *row);
    }
}

INLINE void label_tile(work *w, triple low, int squared) {
    struct { triple first; long size, start, count, end; } stack[64], now;
    int depth = 1;
    w->low = low;
    w->high = (triple){lesser(low.z + TILE, w->shape.z), lesser(low.y + TILE, w->shape.y), lesser(low.x + TILE, w->shape.x)};
    w->middle[0] = (low.z + w->high.z) * 0.5, w->middle[1] = (low.y + w->high.y) * 0.5;
    w->middle[2] = (low.x + w->high.x) * 0.5;
    place_seeds(w);
    cap_pyramid(w);
    for (long i = 0; i < room_for(w->n); i++) w->lists[i] = lesser(i, w->n) * RECORD;
    stack[0].first = low, stack[0].size = TILE, stack[0].start = 0, stack[0].count = w->n, stack[0].end = room_for(w->n);
    while (depth) {
        now = stack[--depth];
        triple first = now.first;
        triple last = {lesser(first.z + now.size, w->high.z), lesser(first.y + now.size, w->high.y),
                       lesser(first.x + now.size, w->high.x)};
        long stride = room_for(now.count), half = now.size / 2;
        w->lists = larger(w->lists, &w->list_size, now.end + 8 * stride, sizeof(int32_t));
        if (half <= w->edge) w->t = larger(w->t, &w->t_size, stride * PAIR, sizeof(float));
        if (now.size == BLOCK) {
            label_block(w, now.start, now.count, now.end, first, last, squared);
            continue;
        }
        family f;
        set_children(w, &f, first, last, half);
        set_caps(w, &f, first, half);
        for (int k = 0; k < 8; k++) w->ends[k] = now.end + k * stride;
        if (half > w->edge) deal(w, now.start, now.count, &f, squared);
        else split(w, now.start, now.count, &f, squared);
        w->counts[0] += 8, w->counts[1] += 8 * now.count;
        for (int k = 0; k < 8; k++) {
            if (!(f.bits >> k & 1)) continue;
            triple a, b;
            child_of(first, last, k, half, &a, &b);
            long begin = now.end + k * stride, kept = w->ends[k] - begin;
            if (kept == 1 && half <= PART) {
                fill(w, a, b, w->lists[begin]);
                continue;
            }
            w->lists[begin + kept] = w->n * RECORD;
            stack[depth].first = a, stack[depth].size = half, stack[depth].start = begin, stack[depth].count = kept;
            stack[depth++].end = now.end + 8 * stride;
        }
    }
}

// Fill out (nz, ny, nx) with the number of the winner; arguments as layout.Tables has them; adds to counts.
void label_volume(int32_t *out, long nz, long ny, long nx, long n, const double *place, const float *factor,
                  const double *shift, const double *position, const double *matrices, const double *offset,
                  const double *frame, int squared, int64_t *counts) {
    work w = {.place = place, .position = position, .matrices = matrices, .offset = offset, .frame = frame, .out = out,
              .shape = {nz, ny, nx}, .n = n, .squared = squared, .list_size = 12 * n + 16384, .t_size = 256 * PAIR};
    w.c = malloc((n + 1) * RECORD * sizeof(float));
    w.lists = malloc(w.list_size * sizeof(int32_t));
    w.t = malloc(w.t_size * sizeof(float));
    w.flags = malloc(room_for(n));
    set_orders(&w);
    load_seeds(&w, factor, shift);
    for (long z = 0; z < nz; z += TILE)
        for (long y = 0; y < ny; y += TILE)
            for (long x = 0; x < nx; x += TILE)
                if (squared) label_tile(&w, (triple){z, y, x}, 1);
                else label_tile(&w, (triple){z, y, x}, 0);
    for (int k = 0; k < 4; k++) counts[k] += w.counts[k];
    free(w.c), free(w.t), free(w.lists), free(w.caps), free(w.flags);
}
