/* Counters and histograms that cost one atomic addition, and the text in which Prometheus reads
 * them (exposition format 0.0.4).
 *
 * Owner: each is part of what it counts. Threads: atomic, relaxed; a reader may see a moment's
 * counts that do not belong together. Errors: none; text beyond the buffer's maximum sets its
 * `overflowed`. Labels are words of ours from fixed sets, never a person's or a caller's.
 */
#ifndef GATE_CORE_METRICS_H
#define GATE_CORE_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"

struct gate_counter {
    atomic_uint_least64_t value;
};

/* Upper bounds in milliseconds: 1, 2, 5, 10 … 60,000, and beyond. */
#define GATE_HISTOGRAM_BOUNDS 15

struct gate_histogram {
    atomic_uint_least64_t counts[GATE_HISTOGRAM_BOUNDS + 1];
    atomic_uint_least64_t sum_ms;
};

static inline void gate_counter_add(struct gate_counter *counter, uint64_t amount) {
    atomic_fetch_add_explicit(&counter->value, amount, memory_order_relaxed);
}

static inline uint64_t gate_counter_get(struct gate_counter *counter) {
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

void gate_histogram_add(struct gate_histogram *histogram, int64_t ms);

struct gate_metric_label {
    const char *name;
    const char *value;
};

enum gate_metric_type { GATE_METRIC_COUNTER, GATE_METRIC_GAUGE, GATE_METRIC_HISTOGRAM };

/* One family's samples, which follow each other without others between them. */
struct gate_metric_family {
    struct gate_buffer *buffer;
    const char *name;
};

/* Begin a family: what it is, in one line of plain words. */
struct gate_metric_family gate_metric_family_write(struct gate_buffer *buffer, const char *name,
                                                   enum gate_metric_type type, const char *help);

/* Add one sample, or one histogram (in seconds). */
void gate_metric_value_write(const struct gate_metric_family *family,
                             const struct gate_metric_label *labels, size_t label_count,
                             int64_t value);
void gate_metric_histogram_write(const struct gate_metric_family *family,
                                 const struct gate_metric_label *labels, size_t label_count,
                                 struct gate_histogram *histogram);

#endif
