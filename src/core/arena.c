#include "core/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ARENA_SPLITS true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ARENA_SPLITS true
#endif
#endif
#ifndef ARENA_SPLITS
#define ARENA_SPLITS false
#endif

#define ALIGNMENT _Alignof(max_align_t)

struct block {
    struct block *next;
    size_t used;
    size_t capacity;
    max_align_t data[];
};

struct deferred {
    struct deferred *next;
    void (*release)(void *object);
    void *object;
};

struct gate_arena {
    struct block *blocks; /* newest first; allocation happens in the first */
    struct deferred *deferred;
};

static void *must_malloc(size_t bytes) {
    void *memory = malloc(bytes);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

gate_arena *gate_arena_new(void) {
    gate_arena *arena = must_malloc(sizeof *arena);
    arena->blocks = NULL;
    arena->deferred = NULL;
    return arena;
}

void gate_arena_free(gate_arena *arena) {
    if (arena == NULL) {
        return;
    }
    /* A deferred release may defer again, so the list is read anew each time. */
    while (arena->deferred != NULL) {
        struct deferred *deferred = arena->deferred;
        arena->deferred = deferred->next;
        deferred->release(deferred->object);
    }
    struct block *next;
    for (struct block *block = arena->blocks; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

static struct block *block_add(gate_arena *arena, size_t capacity) {
    struct block *block = must_malloc(sizeof *block + capacity);
    block->used = 0;
    block->capacity = capacity;
    /* A large block goes behind the current one, whose free space stays usable. */
    if (arena->blocks != NULL && capacity > GATE_ARENA_BLOCK_BYTES) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

void *gate_arena_alloc(gate_arena *arena, size_t bytes) {
    if (bytes > SIZE_MAX / 2) {
        abort();
    }
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded == 0) {
        rounded = ALIGNMENT;
    }
    struct block *block = arena->blocks;
    if (ARENA_SPLITS) {
        block = block_add(arena, bytes == 0 ? 1 : bytes);
    } else if (block == NULL || block->capacity - block->used < rounded) {
        block =
            block_add(arena, rounded > GATE_ARENA_BLOCK_BYTES ? rounded : GATE_ARENA_BLOCK_BYTES);
    }
    void *memory = (char *)block->data + block->used;
    block->used += ARENA_SPLITS ? block->capacity : rounded;
    memset(memory, 0, bytes);
    return memory;
}

void *gate_arena_alloc_array(gate_arena *arena, size_t count, size_t bytes) {
    if (bytes != 0 && count > SIZE_MAX / bytes) {
        abort();
    }
    return gate_arena_alloc(arena, count * bytes);
}

char *gate_arena_strdup(gate_arena *arena, const char *text) {
    return text == NULL ? NULL : gate_arena_strndup(arena, text, strlen(text));
}

char *gate_arena_strndup(gate_arena *arena, const char *text, size_t length) {
    char *copy = gate_arena_alloc(arena, length + 1);
    if (length > 0) {
        memcpy(copy, text, length);
    }
    return copy;
}

char *gate_arena_printf(gate_arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        abort();
    }
    char *text = gate_arena_alloc(arena, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

void gate_arena_defer(gate_arena *arena, void (*release)(void *object), void *object) {
    struct deferred *deferred = gate_arena_make(arena, struct deferred);
    deferred->release = release;
    deferred->object = object;
    deferred->next = arena->deferred;
    arena->deferred = deferred;
}
