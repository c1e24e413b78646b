/* What libFuzzer's main is replaced by for ctest: every file of the folder in argv[1], as it is,
 * cut at each byte, and with each byte changed. A target that finds something wrong aborts. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/target.h"

#define FILE_MAX_BYTES 65536
#define CHANGED_MAX_BYTES 512

static void replay(const uint8_t *bytes, size_t length) {
    uint8_t *copy = malloc(length == 0 ? 1 : length); /* of its exact size, for AddressSanitizer */
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, bytes, length);
    (void)LLVMFuzzerTestOneInput(copy, length);
    free(copy);
}

static void replay_all(uint8_t *bytes, size_t length) {
    static const uint8_t changes[] = {0x01, 0x02, 0x08, 0x80, 0xFF};
    replay(bytes, length);
    size_t end = length < CHANGED_MAX_BYTES ? length : CHANGED_MAX_BYTES;
    for (size_t i = 0; i < end; i++) {
        replay(bytes, i);
        for (size_t j = 0; j < sizeof changes; j++) {
            bytes[i] ^= changes[j];
            replay(bytes, length);
            bytes[i] ^= changes[j];
        }
    }
}

static void replay_file(const char *path) {
    static uint8_t bytes[FILE_MAX_BYTES];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        abort();
    }
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    replay_all(bytes, length);
}

int main(int argc, char **argv) {
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[4096];
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
            replay_file(path);
            count++;
        }
    }
    closedir(folder);
    printf("%d files\n", count);
    return count == 0;
}
