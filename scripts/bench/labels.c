// The label kernel by hand, a yardstick for what numba makes of kernels/candidates.py and kernels/gbpd.py: the same
// algorithm, one thread, AVX2. Compiled as a shared library; `label_volume` is its one entry.
//
// Boxes of 256, 128, ... 8 voxels drop the seeds that cannot win in them: where a seed's tangent plane at the centre of
// a box lies above the values of one of two low seeds at all corners, it loses there. What is left is evaluated at
// every voxel of the 4^3 leaves in float32; voxels whose two best are closer than the rounding are decided in float64.
// A list of candidates is a run of blocks of 13 rows of 16 float32: position, factor A, offset, rounding, number.
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
enum { WIDTH = 16, TILE = 256, TWIG = 8, LEAF = 4 };
enum { X, Y, Z, A00, A01, A02, A11, A12, A22, R, ERROR, SEED, ROWS };
enum { V, GX, GY, GZ, SLOPES };
enum { BLOCK = ROWS * WIDTH, TANGENT = SLOPES * WIDTH };
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
INLINE lanes numbers(void) {
    return (lanes){_mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7), _mm256_setr_ps(8, 9, 10, 11, 12, 13, 14, 15)};
}
INLINE float lowest(lanes x) {
    __m256 m = _mm256_min_ps(x.a, x.b);
    __m128 q = _mm_min_ps(_mm256_castps256_ps128(m), _mm256_extractf128_ps(m, 1));
    q = _mm_min_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_min_ss(q, _mm_shuffle_ps(q, q, 1)));
}
INLINE int32_t bits(const float *p) { int32_t n; memcpy(&n, p, 4); return n; }

typedef struct { float x, y, z; } triple;
typedef struct { triple centre, half; } box;
typedef struct {
    const double *place, *position, *matrices, *offset, *frame;
    int32_t *out;
    long nz, ny, nx, n, counts[4];
    int squared;
    float *c, *t;
    int32_t *slots;
    long room;
} work;

INLINE long blocks(long count) { return (count + WIDTH - 1) / WIDTH; }

// Room for so many blocks of candidates, of their tangents over eight leaves, and of places.
static void grow(work *w, long need) {
    if (need <= w->room) return;
    long room = need > w->room * 3 / 2 ? need : w->room * 3 / 2;
    float *c = aligned_alloc(64, (size_t)room * BLOCK * 4);
    if (w->c) memcpy(c, w->c, (size_t)w->room * BLOCK * 4);
    free(w->c), free(w->t), free(w->slots);
    w->c = c, w->room = room;
    w->t = aligned_alloc(64, (size_t)room * TANGENT * 4);
    w->slots = aligned_alloc(64, (size_t)room * WIDTH * 4);
}

// Coordinates of all seeds from the middle of a tile, and a bound of the rounding of their distances in it.
static void place_seeds(work *w, double x, double y, double z) {
    for (long i = 0; i < blocks(w->n) * WIDTH; i++) {
        float *o = w->c + i / WIDTH * BLOCK + i % WIDTH;
        long k = i < w->n ? i : w->n - 1;
        o[X * WIDTH] = w->place[k] - x, o[Y * WIDTH] = w->place[w->n + k] - y, o[Z * WIDTH] = w->place[2 * w->n + k] - z;
    }
    for (long k = 0; k < blocks(w->n); k++) {
        float *o = w->c + k * BLOCK;
        lanes norm = all(0), reach;
        for (int row = A00; row < R; row++) norm = fma3(load(o + row * WIDTH), load(o + row * WIDTH), norm);
        reach = plus(size(load(o + X * WIDTH)), plus(size(load(o + Y * WIDTH)), size(load(o + Z * WIDTH))));
        reach = times(root(norm), plus(reach, all(TILE)));
        if (w->squared) reach = times(plus(reach, reach), reach);
        store(o + ERROR * WIDTH, fma3(plus(reach, size(load(o + R * WIDTH))), all(0x1p-19f), all(0x1p-40f)));
    }
}

static void load_seeds(work *w, const float *factor, const double *shift) {
    memset(w->c, 0, (size_t)blocks(w->n) * BLOCK * 4);
    for (long i = 0; i < blocks(w->n) * WIDTH; i++) {
        float *o = w->c + i / WIDTH * BLOCK + i % WIDTH;
        int32_t name = i;
        for (int row = 0; row < 6 && i < w->n; row++) o[(A00 + row) * WIDTH] = factor[row * w->n + i];
        o[R * WIDTH] = i < w->n ? (float)shift[i] : FAR;
        memcpy(o + SEED * WIDTH, &name, 4);
    }
}

// Candidates at some places, copied to a list of their own.
INLINE void copy_list(work *w, long count, float *to) {
    for (long k = 0; k < count; k += WIDTH, to += BLOCK) {
        long last = count - k < WIDTH ? count - k : WIDTH;
        for (long i = 0; i < last; i++) {
            const float *o = w->c + w->slots[k + i];
            for (int row = 0; row < ROWS; row++) to[row * WIDTH + i] = o[row * WIDTH];
        }
        for (long i = last; i < WIDTH; i++) {
            for (int row = 0; row < ROWS; row++) to[row * WIDTH + i] = 0;
            to[R * WIDTH + i] = FAR;
        }
    }
}

// Tangents of a list over a box; the places of two of the lowest candidates at its centre.
INLINE void tangents(const float *list, long count, box b, int squared, float *t, long *first, long *second) {
    lanes best = all(INFINITY), who = all(0);
    for (long k = 0; k < blocks(count); k++, t += TANGENT) {
        const float *o = list + k * BLOCK;
        lanes dx = minus(all(b.centre.x), load(o + X * WIDTH)), dy = minus(all(b.centre.y), load(o + Y * WIDTH));
        lanes dz = minus(all(b.centre.z), load(o + Z * WIDTH));
        lanes a00 = load(o + A00 * WIDTH), a01 = load(o + A01 * WIDTH), a02 = load(o + A02 * WIDTH);
        lanes a11 = load(o + A11 * WIDTH), a12 = load(o + A12 * WIDTH), a22 = load(o + A22 * WIDTH);
        lanes u0 = fma3(a00, dx, fma3(a01, dy, times(a02, dz))), u1 = fma3(a11, dy, times(a12, dz)), u2 = times(a22, dz);
        lanes q = fma3(u0, u0, fma3(u1, u1, times(u2, u2))), value = q, slope = all(2);
        if (!squared) {
            value = root(q);
            slope = (lanes){1.0f / value.a, 1.0f / value.b};
            slope = where_less(all(0x1p-100f), q, slope, all(0));
        }
        u0 = times(u0, slope), u1 = times(u1, slope), u2 = times(u2, slope);
        lanes v = minus(value, load(o + R * WIDTH));
        store(t + V * WIDTH, v);
        store(t + GX * WIDTH, times(times(a00, u0), all(b.half.x)));
        store(t + GY * WIDTH, times(fma3(a01, u0, times(a11, u1)), all(b.half.y)));
        store(t + GZ * WIDTH, times(fma3(a02, u0, fma3(a12, u1, times(a22, u2))), all(b.half.z)));
        who = where_less(v, best, all((float)k), who);
        best = least(best, v);
    }
    float block[WIDTH];
    store(block, who);
    int lane = __builtin_ctz(unless_above(best, all(lowest(best))));
    *first = (long)block[lane] * BLOCK + lane;
    lanes others = where_less(numbers(), all(lane), best, all(INFINITY));
    others = where_less(all(lane), numbers(), best, others);
    lane = __builtin_ctz(unless_above(others, all(lowest(others))));
    *second = (long)block[lane] * BLOCK + lane;
}

// Values of one candidate at the eight corners of a box, with its rounding.
INLINE __m256 corners(const float *o, box b, int squared) {
    const __m256 sx = _mm256_setr_ps(-1, 1, -1, 1, -1, 1, -1, 1), sy = _mm256_setr_ps(-1, -1, 1, 1, -1, -1, 1, 1);
    const __m256 sz = _mm256_setr_ps(-1, -1, -1, -1, 1, 1, 1, 1);
    __m256 dx = sx * b.half.x + (b.centre.x - o[X * WIDTH]), dy = sy * b.half.y + (b.centre.y - o[Y * WIDTH]);
    __m256 dz = sz * b.half.z + (b.centre.z - o[Z * WIDTH]);
    __m256 u0 = o[A00 * WIDTH] * dx + (o[A01 * WIDTH] * dy + o[A02 * WIDTH] * dz);
    __m256 u1 = o[A11 * WIDTH] * dy + o[A12 * WIDTH] * dz, u2 = o[A22 * WIDTH] * dz;
    __m256 q = u0 * u0 + (u1 * u1 + u2 * u2);
    return (squared ? q : _mm256_sqrt_ps(q)) - (o[R * WIDTH] - o[ERROR * WIDTH]);
}

INLINE float highest(const float *e) {
    float h = e[0];
    for (int k = 1; k < 8; k++) h = e[k] > h ? e[k] : h;
    return h;
}

// Places, from the start of all lists, of the candidates that can win in a box; how many.
INLINE long survivors(work *w, const float *list, long count, const float *t, const float *e, const float *f) {
    float he = highest(e), hf = highest(f);
    lanes bar = all(he < hf ? he : hf);
    long kept = 0;
    for (long k = 0; k < blocks(count); k++, t += TANGENT) {
        const float *o = list + k * BLOCK;
        lanes v = load(t + V * WIDTH), gx = load(t + GX * WIDTH), gy = load(t + GY * WIDTH), gz = load(t + GZ * WIDTH);
        lanes error = load(o + ERROR * WIDTH), fall = plus(size(gx), plus(size(gy), size(gz)));
        if (!unless_above(minus(minus(v, fall), error), bar)) continue;
        lanes near = minus(v, gz), far = plus(v, gz);
        lanes edge[4] = {minus(near, gy), plus(near, gy), minus(far, gy), plus(far, gy)};
        lanes over_e = all(INFINITY), over_f = over_e;
        for (int m = 0; m < 4; m++) {
            lanes low = minus(edge[m], gx), high = plus(edge[m], gx);
            over_e = least(over_e, least(minus(low, all(e[2 * m])), minus(high, all(e[2 * m + 1]))));
            over_f = least(over_f, least(minus(low, all(f[2 * m])), minus(high, all(f[2 * m + 1]))));
        }
        long at = o - w->c;
        for (unsigned left = unless_above(most(over_e, over_f), error); left; left &= left - 1)
            w->slots[kept++] = at + __builtin_ctz(left);
    }
    return kept;
}

static double distance(const work *w, long i, double x, double y, double z) {
    const double *s = w->position + 3 * i, *m = w->matrices + 9 * i;
    double dx = x - s[0], dy = y - s[1], dz = z - s[2];
    double q = m[0] * dx * dx + m[4] * dy * dy + m[8] * dz * dz;
    q += 2.0 * (m[1] * dx * dy + m[2] * dx * dz + m[5] * dy * dz);
    q = q > 0 ? q : 0;
    return (w->squared ? q : sqrt(q)) - w->offset[i];
}

// The two best of the candidates at half a plane of voxels, 4 wide and 2 high, in each of the four planes of a leaf.
INLINE unsigned compete(work *w, long count, float x, float y, float z, int squared, int half, int32_t *label) {
    __m256 lx = x + _mm256_setr_ps(0, 1, 2, 3, 0, 1, 2, 3), ly = y + 2 * half + _mm256_setr_ps(0, 0, 0, 0, 1, 1, 1, 1);
    __m256 best[LEAF], next[LEAF], name[LEAF];
    float margin = 0;
    for (int p = 0; p < LEAF; p++) best[p] = next[p] = _mm256_set1_ps(INFINITY), name[p] = _mm256_setzero_ps();
    for (long k = 0; k < count; k++) {
        const float *o = w->c + w->slots[k];
        __m256 dx = lx - o[X * WIDTH], dy = ly - o[Y * WIDTH];
        float dz = z - o[Z * WIDTH], a02 = o[A02 * WIDTH], a12 = o[A12 * WIDTH], a22 = o[A22 * WIDTH];
        __m256 u0 = o[A00 * WIDTH] * dx + (o[A01 * WIDTH] * dy + a02 * dz), u1 = o[A11 * WIDTH] * dy + a12 * dz;
        __m256 who = _mm256_broadcast_ss(o + SEED * WIDTH);
        float u2 = a22 * dz;
#pragma GCC unroll 4
        for (int p = 0; p < LEAF; p++, u0 += a02, u1 += a12, u2 += a22) {
            __m256 d = u0 * u0 + (u1 * u1 + u2 * u2);
            d = (squared ? d : _mm256_sqrt_ps(d)) - o[R * WIDTH];
            next[p] = _mm256_min_ps(next[p], _mm256_max_ps(d, best[p]));
            name[p] = _mm256_blendv_ps(name[p], who, _mm256_cmp_ps(d, best[p], _CMP_LT_OQ));
            best[p] = _mm256_min_ps(d, best[p]);
        }
        margin = o[ERROR * WIDTH] > margin ? o[ERROR * WIDTH] : margin;
    }
    unsigned close = 0;
    for (int p = 0; p < LEAF; p++) {
        _mm256_storeu_ps((float *)label + 16 * p + 8 * half, name[p]);
        __m256 lead = next[p] - best[p];
        close |= (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(lead, _mm256_set1_ps(2 * margin), _CMP_NGT_UQ)) << 8 * p;
    }
    return close;
}

// Voxels of a leaf whose two best are close, in float64, ties to the lower number.
static void settle(work *w, long count, long z0, long y0, long x0, unsigned close, int half, int32_t *label) {
    for (; close; close &= close - 1) {
        int k = __builtin_ctz(close), plane = k / 8, in = k % 8 + 8 * half;
        double x = w->frame[0] + (x0 + in % 4 + 0.5) * w->frame[3], y = w->frame[1] + (y0 + in / 4 + 0.5) * w->frame[3];
        double z = w->frame[2] + (z0 + plane + 0.5) * w->frame[3], low = INFINITY;
        long winner = -1;
        for (long s = 0; s < count; s++) {
            long i = bits(w->c + w->slots[s] + SEED * WIDTH);
            double d = distance(w, i, x, y, z);
            if (d < low || (d == low && i < winner)) low = d, winner = i;
        }
        label[16 * plane + in] = winner;
        w->counts[3]++;
    }
}

static void fill(work *w, long z0, long z1, long y0, long y1, long x0, long x1, int32_t value) {
    for (long z = z0; z < z1; z++)
        for (long y = y0; y < y1; y++) {
            int32_t *row = w->out + (z * w->ny + y) * w->nx;
            for (long x = x0; x < x1; x++) row[x] = value;
        }
}

INLINE box box_of(long z0, long z1, long y0, long y1, long x0, long x1, const double *middle) {
    return (box){{(x0 + x1) * 0.5 - middle[0], (y0 + y1) * 0.5 - middle[1], (z0 + z1) * 0.5 - middle[2]},
                 {(x1 - x0 - 1) * 0.5f, (y1 - y0 - 1) * 0.5f, (z1 - z0 - 1) * 0.5f}};
}

INLINE long lesser(long a, long b) { return a < b ? a : b; }

// The eight leaves of a box of 8^3 voxels: first all their tangents, so that steps which wait for each other overlap.
INLINE void label_twig(work *w, const float *list, long count, long z0, long z1, long y0, long y1, long x0, long x1,
                       const double *middle, int squared) {
    long size = blocks(count) * TANGENT;
    float corner[8][16];
    for (int leaf = 0; leaf < 8; leaf++) {
        long az = z0 + (leaf >> 2) * LEAF, ay = y0 + (leaf >> 1 & 1) * LEAF, ax = x0 + (leaf & 1) * LEAF, i, j;
        if (az >= z1 || ay >= y1 || ax >= x1) continue;
        box b = box_of(az, lesser(az + LEAF, z1), ay, lesser(ay + LEAF, y1), ax, lesser(ax + LEAF, x1), middle);
        tangents(list, count, b, squared, w->t + leaf * size, &i, &j);
        _mm256_storeu_ps(corner[leaf], corners(list + i, b, squared));
        _mm256_storeu_ps(corner[leaf] + 8, corners(list + j, b, squared));
    }
    for (int leaf = 0; leaf < 8; leaf++) {
        long az = z0 + (leaf >> 2) * LEAF, ay = y0 + (leaf >> 1 & 1) * LEAF, ax = x0 + (leaf & 1) * LEAF;
        if (az >= z1 || ay >= y1 || ax >= x1) continue;
        long bz = lesser(az + LEAF, z1), by = lesser(ay + LEAF, y1), bx = lesser(ax + LEAF, x1);
        long kept = survivors(w, list, count, w->t + leaf * size, corner[leaf], corner[leaf] + 8);
        w->counts[0]++, w->counts[1] += count;
        if (kept == 1) {
            fill(w, az, bz, ay, by, ax, bx, bits(w->c + w->slots[0] + SEED * WIDTH));
            continue;
        }
        w->counts[2] += kept * 64;
        int32_t label[64];
        float x = ax + 0.5 - middle[0], y = ay + 0.5 - middle[1], z = az + 0.5 - middle[2];
        for (int half = 0; half < 2; half++) {
            unsigned close = compete(w, kept, x, y, z, squared, half, label);
            if (close) settle(w, kept, az, ay, ax, close, half, label);
        }
        for (long k = az; k < bz; k++)
            for (long m = ay; m < by; m++) {
                int32_t *row = w->out + (k * w->ny + m) * w->nx + ax, *from = label + 16 * (k - az) + 4 * (m - ay);
                if (bx - ax == LEAF) memcpy(row, from, 16);
                else for (long v = 0; v < bx - ax; v++) row[v] = from[v];
            }
    }
}

INLINE void label_tile(work *w, long tz, long ty, long tx, int squared) {
    long ez = lesser(tz + TILE, w->nz), ey = lesser(ty + TILE, w->ny), ex = lesser(tx + TILE, w->nx);
    const double middle[3] = {(tx + ex) * 0.5, (ty + ey) * 0.5, (tz + ez) * 0.5};
    struct { long z, y, x, size, start, count; } stack[64], at;
    int depth = 1;
    place_seeds(w, middle[0], middle[1], middle[2]);
    stack[0].z = tz, stack[0].y = ty, stack[0].x = tx, stack[0].size = TILE, stack[0].start = 0, stack[0].count = w->n;
    while (depth) {
        at = stack[--depth];
        long z1 = lesser(at.z + at.size, ez), y1 = lesser(at.y + at.size, ey), x1 = lesser(at.x + at.size, ex), i, j;
        const float *list = w->c + at.start * BLOCK;
        box b = box_of(at.z, z1, at.y, y1, at.x, x1, middle);
        float corner[16];
        tangents(list, at.count, b, squared, w->t, &i, &j);
        _mm256_storeu_ps(corner, corners(list + i, b, squared));
        _mm256_storeu_ps(corner + 8, corners(list + j, b, squared));
        long kept = survivors(w, list, at.count, w->t, corner, corner + 8);
        w->counts[0]++, w->counts[1] += at.count;
        if (kept == 1) {
            fill(w, at.z, z1, at.y, y1, at.x, x1, bits(w->c + w->slots[0] + SEED * WIDTH));
            continue;
        }
        long target = at.start + blocks(at.count), need = target + blocks(kept);
        if (need > w->room || 8 * blocks(kept) > w->room) {
            int32_t *slots = malloc(4 * kept);
            memcpy(slots, w->slots, 4 * kept);
            grow(w, need > 8 * blocks(kept) ? need : 8 * blocks(kept));
            memcpy(w->slots, slots, 4 * kept);
            free(slots);
        }
        copy_list(w, kept, w->c + target * BLOCK);
        if (at.size == TWIG) {
            label_twig(w, w->c + target * BLOCK, kept, at.z, z1, at.y, y1, at.x, x1, middle, squared);
            continue;
        }
        long half = at.size / 2;
        for (long z = at.z; z < z1; z += half)
            for (long y = at.y; y < y1; y += half)
                for (long x = at.x; x < x1; x += half, depth++) {
                    stack[depth].z = z, stack[depth].y = y, stack[depth].x = x, stack[depth].size = half;
                    stack[depth].start = target, stack[depth].count = kept;
                }
    }
}

// Fill out (nz, ny, nx) with the number of the winner; arguments as gbpd.label_volume_serial has them; adds to counts.
void label_volume(int32_t *out, long nz, long ny, long nx, long n, const double *place, const float *factor,
                  const double *shift, const double *position, const double *matrices, const double *offset,
                  const double *frame, int squared, int64_t *counts) {
    work w = {place, position, matrices, offset, frame, out, nz, ny, nx, n, {0}, squared, 0, 0, 0, 0};
    grow(&w, 2 * blocks(n) + blocks(n / 10) + 64);
    load_seeds(&w, factor, shift);
    for (long z = 0; z < nz; z += TILE)
        for (long y = 0; y < ny; y += TILE)
            for (long x = 0; x < nx; x += TILE)
                if (squared) label_tile(&w, z, y, x, 1);
                else label_tile(&w, z, y, x, 0);
    for (int k = 0; k < 4; k++) counts[k] += w.counts[k];
    free(w.c), free(w.t), free(w.slots);
}
