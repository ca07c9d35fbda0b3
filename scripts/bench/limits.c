// Limits of one core: writing memory, float32 arithmetic, Eq. (8) with a few candidates and no search for them.
//
//     limits NAME SIZE REPEAT
//
// prints wall and processor seconds of each repetition, one a line: of SIZE^3 voxels, or of SIZE * 1e6 operations.
#define _GNU_SOURCE
#ifdef __AVX__
#include <immintrin.h>
#endif
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef float lanes __attribute__((vector_size(32)));
static volatile float sink;

struct moment { double wall, cpu; };

static double clock_of(clockid_t kind) {
    struct timespec t;
    clock_gettime(kind, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static struct moment now(void) {
    return (struct moment){clock_of(CLOCK_MONOTONIC), clock_of(CLOCK_PROCESS_CPUTIME_ID)};
}

static struct moment since(struct moment start) {
    struct moment end = now();
    return (struct moment){end.wall - start.wall, end.cpu - start.cpu};
}

static void *fresh(size_t bytes) {
    void *p = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) { perror("mmap"); exit(1); }
    return p;
}

static void fill16(uint16_t *out, size_t n, uint16_t value) {
    for (size_t i = 0; i < n; i++) out[i] = value;
    __asm__ volatile("" ::: "memory");
}

static void fill32(int32_t *out, size_t n, int32_t value) {
    for (size_t i = 0; i < n; i++) out[i] = value;
    __asm__ volatile("" ::: "memory");
}

// operations: 2 a lane; ten chains hide the latency
static struct moment multiply_add(long millions) {
    lanes a[10], b = (lanes){} + 0.9999f, c = (lanes){} + 1e-4f;
    for (int k = 0; k < 10; k++) a[k] = (lanes){} + (1.0f + 0.01f * k);
    long rounds = millions * 1000000 / 160;
    struct moment start = now();
    for (long r = 0; r < rounds; r++) {
        for (int k = 0; k < 10; k++) a[k] = a[k] * b + c;
        __asm__ volatile("" : "+x"(b), "+x"(c));
    }
    struct moment spent = since(start);
    for (int k = 0; k < 10; k++) sink = a[k][0] + a[k][7];
    return spent;
}

// A row of 32 voxels: the square of the distance is a quadratic in x, the label that of the smallest distance.
enum { ROW = 32, PARTS = ROW / 8, MOST = 16 };
typedef int32_t whole __attribute__((vector_size(32)));
struct candidate { float a, b, c, r; };
static const lanes STEP = {0, 1, 2, 3, 4, 5, 6, 7};

static inline lanes root_of(lanes x) {
#ifdef __AVX__
    return (lanes)_mm256_sqrt_ps((__m256)x);
#else
    for (int i = 0; i < 8; i++) x[i] = __builtin_sqrtf(x[i]);
    return x;
#endif
}

static struct moment square_roots(long millions) {
    lanes a[10];
    for (int k = 0; k < 10; k++) a[k] = (lanes){} + (1.0f + k);
    long rounds = millions * 1000000 / 80;
    struct moment start = now();
    for (long r = 0; r < rounds; r++)
        for (int k = 0; k < 10; k++) a[k] = root_of(a[k]);
    struct moment spent = since(start);
    for (int k = 0; k < 10; k++) sink = a[k][0];
    return spent;
}

static inline __attribute__((always_inline)) void row(
    const struct candidate *s, int count, int root, uint16_t *out) {
    lanes best[PARTS];
    whole label[PARTS];
    for (int p = 0; p < PARTS; p++) best[p] = (lanes){} + 1e30f, label[p] = (whole){};
    for (int k = 0; k < count; k++)
        for (int p = 0; p < PARTS; p++) {
            lanes x = STEP + (float)(8 * p), q = s[k].c + x * (s[k].b + x * s[k].a);
            lanes d = (root ? root_of(q) : q) - s[k].r;
            whole nearer = d < best[p];
            best[p] = (lanes)((nearer & (whole)d) | (~nearer & (whole)best[p]));
            label[p] = (nearer & k) | (~nearer & label[p]);
        }
    for (int p = 0; p < PARTS; p++)
        for (int i = 0; i < 8; i++) out[8 * p + i] = (uint16_t)label[p][i];
}

#define KERNEL(COUNT, ROOT)                                                                          \
    static __attribute__((noinline)) void gbpd_##COUNT##_##ROOT(                                     \
        const struct candidate *s, int sets, uint16_t *out, size_t n) {                              \
        for (size_t i = 0, k = 0; i < n; i += ROW, k = (k + 1) % sets) row(s + k * MOST, COUNT, ROOT, out + i); \
    }
KERNEL(1, 1) KERNEL(2, 1) KERNEL(4, 1) KERNEL(8, 1) KERNEL(16, 1) KERNEL(4, 0)

static struct moment kernel(const char *name, uint16_t *out, size_t n) {
    enum { SETS = 256 };
    static struct candidate s[SETS * MOST];
    srand(1);
    for (int k = 0; k < SETS * MOST; k++) {
        float u = rand() / (float)RAND_MAX, v = rand() / (float)RAND_MAX, w = rand() / (float)RAND_MAX;
        s[k] = (struct candidate){1.0f + u, -32.0f * v * (1.0f + u), 300.0f + 100.0f * w, 1.0f + 2.0f * u};
    }
    struct moment start = now();
    if (!strcmp(name, "gbpd1")) gbpd_1_1(s, SETS, out, n);
    else if (!strcmp(name, "gbpd2")) gbpd_2_1(s, SETS, out, n);
    else if (!strcmp(name, "gbpd4")) gbpd_4_1(s, SETS, out, n);
    else if (!strcmp(name, "gbpd8")) gbpd_8_1(s, SETS, out, n);
    else if (!strcmp(name, "gbpd16")) gbpd_16_1(s, SETS, out, n);
    else if (!strcmp(name, "squared4")) gbpd_4_0(s, SETS, out, n);
    else { fprintf(stderr, "limits: no limit is called %s\n", name); exit(2); }
    return since(start);
}

int main(int count, char **words) {
    if (count != 4) { fprintf(stderr, "limits NAME SIZE REPEAT\n"); return 2; }
    const char *name = words[1];
    long size = atol(words[2]), repeat = atol(words[3]);
    size_t n = (size_t)size * size * size, bytes = 4 * n;
    int operations = !strcmp(name, "multiply_add") || !strcmp(name, "square_root"), touch = !strncmp(name, "touch", 5);
    void *out = operations ? 0 : fresh(bytes);
    for (long k = 0; k <= repeat; k++) {
        if (touch) { munmap(out, bytes); out = fresh(bytes); }
        struct moment start = now(), spent;
        if (operations) spent = name[0] == 'm' ? multiply_add(size) : square_roots(size);
        else if (!strcmp(name, "write16") || !strcmp(name, "touch16")) fill16(out, n, (uint16_t)k), spent = since(start);
        else if (!strcmp(name, "write32") || !strcmp(name, "touch32")) fill32(out, n, (int32_t)k), spent = since(start);
        else spent = kernel(name, out, n);
        if (k) printf("%.9g %.9g\n", spent.wall, spent.cpu);  // the first run does not count
    }
    return 0;
}
