#include "portal/tool_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct gate_digest key;
    char *body; /* NULL: free */
    size_t length;
    int64_t saved_ms;
};

struct gate_tool_cache {
    pthread_mutex_t lock; /* for the rest */
    struct entry entries[GATE_TOOL_CACHE_ENTRIES_MAX];
    size_t bytes;
};

struct gate_tool_cache *gate_tool_cache_new(void) {
    struct gate_tool_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL) {
        abort();
    }
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

static void drop(struct gate_tool_cache *cache, struct entry *entry) {
    cache->bytes -= entry->length;
    free(entry->body);
    *entry = (struct entry){0};
}

void gate_tool_cache_free(struct gate_tool_cache *cache) {
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < GATE_TOOL_CACHE_ENTRIES_MAX; i++) {
        free(cache->entries[i].body);
    }
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static struct entry *find_entry(struct gate_tool_cache *cache, const struct gate_digest *key) {
    for (size_t i = 0; i < GATE_TOOL_CACHE_ENTRIES_MAX; i++) {
        struct entry *entry = &cache->entries[i];
        if (entry->body != NULL && gate_digest_equal(&entry->key, key)) {
            return entry;
        }
    }
    return NULL;
}

bool gate_tool_cache_find(struct gate_tool_cache *cache, gate_arena *arena,
                          const struct gate_digest *key, int64_t now_ms, const char **ret_body,
                          size_t *ret_length) {
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = find_entry(cache, key);
    bool is_there = entry != NULL && now_ms - entry->saved_ms < GATE_TOOL_CACHE_LIFE_MS;
    if (is_there) {
        *ret_body = gate_arena_strndup(arena, entry->body, entry->length);
        *ret_length = entry->length;
    }
    pthread_mutex_unlock(&cache->lock);
    return is_there;
}

/* A free entry if there is one, else the oldest. */
static struct entry *choose_entry(struct gate_tool_cache *cache) {
    struct entry *chosen = &cache->entries[0];
    for (size_t i = 0; i < GATE_TOOL_CACHE_ENTRIES_MAX; i++) {
        struct entry *entry = &cache->entries[i];
        if (entry->body == NULL) {
            return entry;
        }
        if (entry->saved_ms < chosen->saved_ms) {
            chosen = entry;
        }
    }
    return chosen;
}

static void drop_old(struct gate_tool_cache *cache, int64_t now_ms) {
    for (size_t i = 0; i < GATE_TOOL_CACHE_ENTRIES_MAX; i++) {
        struct entry *entry = &cache->entries[i];
        if (entry->body != NULL && now_ms - entry->saved_ms >= GATE_TOOL_CACHE_LIFE_MS) {
            drop(cache, entry);
        }
    }
}

void gate_tool_cache_save(struct gate_tool_cache *cache, const struct gate_digest *key,
                          const char *body, size_t length, int64_t now_ms) {
    char *copy = length <= GATE_TOOL_CACHE_ENTRY_MAX_BYTES ? malloc(length + 1) : NULL;
    if (copy == NULL) {
        return;
    }
    memcpy(copy, body, length);
    copy[length] = '\0';
    pthread_mutex_lock(&cache->lock);
    drop_old(cache, now_ms);
    struct entry *entry = find_entry(cache, key);
    if (entry == NULL) {
        entry = choose_entry(cache);
    }
    if (entry->body != NULL) {
        drop(cache, entry);
    }
    if (cache->bytes + length <= GATE_TOOL_CACHE_MAX_BYTES) {
        *entry = (struct entry){*key, copy, length, now_ms};
        cache->bytes += length;
        copy = NULL;
    }
    pthread_mutex_unlock(&cache->lock);
    free(copy);
}
