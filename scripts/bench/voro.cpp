// Labels of a Voronoi or power diagram by Voro++: the cell of each voxel centre of a region, and how long it took.
//
//     voro KIND SEEDS N SIZE Z0 Z1 Y0 Y1 REPEAT LABELS
//
// KIND voronoi or power; SEEDS a file of N rows x y z r float64 in pixels from the centre of a box of SIZE^3 pixels;
// LABELS is written, int32 (z, y, x). Prints one line a repetition: wall and processor seconds of building the
// container and of all look-ups; the first repetition does not count and is not printed.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>
#include <voro++/voro++.hh>

static double seconds(clockid_t kind) {
    timespec t;
    clock_gettime(kind, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

template <class Container>
static void label(Container &box, double size, long z0, long z1, long y0, long y1, std::vector<int> &out) {
    size_t at = 0;
    double rx, ry, rz, low = -size / 2 + 0.5;
    for (long z = z0; z < z1; z++)
        for (long y = y0; y < y1; y++)
            for (long x = 0; x < (long)size; x++, at++)
                if (!box.find_voronoi_cell(low + x, low + y, low + z, rx, ry, rz, out[at])) out[at] = -1;
}

int main(int count, char **words) {
    if (count != 11) {
        fprintf(stderr, "voro KIND SEEDS N SIZE Z0 Z1 Y0 Y1 REPEAT LABELS\n");
        return 2;
    }
    bool power = !strcmp(words[1], "power");
    long n = atol(words[3]), z0 = atol(words[5]), z1 = atol(words[6]), y0 = atol(words[7]), y1 = atol(words[8]);
    double size = atof(words[4]);
    std::vector<double> seeds(4 * n);
    FILE *file = fopen(words[2], "rb");
    if (!file || fread(seeds.data(), 8, 4 * n, file) != (size_t)(4 * n)) {
        perror(words[2]);
        return 1;
    }
    fclose(file);
    std::vector<int> out((z1 - z0) * (y1 - y0) * (long)size);
    int blocks = (int)(cbrt(n / 5.0) + 1);  // about five seeds a block, as Voro++'s own programs take
    for (int k = 0; k <= atoi(words[9]); k++) {
        double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), h = size / 2;
        if (power) {
            voro::container_poly box(-h, h, -h, h, -h, h, blocks, blocks, blocks, false, false, false, 8);
            for (long i = 0; i < n; i++) box.put(i, seeds[4 * i], seeds[4 * i + 1], seeds[4 * i + 2], seeds[4 * i + 3]);
            label(box, size, z0, z1, y0, y1, out);
        } else {
            voro::container box(-h, h, -h, h, -h, h, blocks, blocks, blocks, false, false, false, 8);
            for (long i = 0; i < n; i++) box.put(i, seeds[4 * i], seeds[4 * i + 1], seeds[4 * i + 2]);
            label(box, size, z0, z1, y0, y1, out);
        }
        if (k) printf("%.9g %.9g\n", seconds(CLOCK_MONOTONIC) - wall, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
        fflush(stdout);
    }
    file = fopen(words[10], "wb");
    if (!file || fwrite(out.data(), 4, out.size(), file) != out.size() || fclose(file)) {
        perror(words[10]);
        return 1;
    }
    return 0;
}
