#include "core/metrics.h"

#include <inttypes.h>

static const int64_t bounds_ms[GATE_HISTOGRAM_BOUNDS] = {
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000,
};

void gate_histogram_add(struct gate_histogram *histogram, int64_t ms) {
    size_t place = 0;
    if (ms < 0) {
        ms = 0;
    }
    while (place < GATE_HISTOGRAM_BOUNDS && ms > bounds_ms[place]) {
        place++;
    }
    atomic_fetch_add_explicit(&histogram->counts[place], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum_ms, (uint64_t)ms, memory_order_relaxed);
}

struct gate_metric_family gate_metric_family_write(struct gate_buffer *buffer, const char *name,
                                                   enum gate_metric_type type, const char *help) {
    static const char *const types[] = {
        [GATE_METRIC_COUNTER] = "counter",
        [GATE_METRIC_GAUGE] = "gauge",
        [GATE_METRIC_HISTOGRAM] = "histogram",
    };
    gate_buffer_printf(buffer, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
    return (struct gate_metric_family){buffer, name};
}

static void write_escaped(struct gate_buffer *buffer, const char *value) {
    for (; *value != '\0'; value++) {
        switch (*value) {
        case '\\':
        case '"':
            gate_buffer_printf(buffer, "\\%c", *value);
            break;
        case '\n':
            gate_buffer_append_text(buffer, "\\n");
            break;
        default:
            gate_buffer_append(buffer, value, 1);
        }
    }
}

/* The name with its ending and labels, and a space. `bound` NULL: no label "le". */
static void write_head(const struct gate_metric_family *family, const char *ending,
                       const struct gate_metric_label *labels, size_t label_count,
                       const char *bound) {
    struct gate_buffer *buffer = family->buffer;
    const char *before = "{";
    gate_buffer_printf(buffer, "%s%s", family->name, ending);
    for (size_t i = 0; i < label_count; i++) {
        gate_buffer_printf(buffer, "%s%s=\"", before, labels[i].name);
        write_escaped(buffer, labels[i].value);
        gate_buffer_append_text(buffer, "\"");
        before = ",";
    }
    if (bound != NULL) {
        gate_buffer_printf(buffer, "%sle=\"%s\"", before, bound);
    }
    gate_buffer_append_text(buffer, label_count > 0 || bound != NULL ? "} " : " ");
}

static void write_seconds(struct gate_buffer *buffer, uint64_t ms) {
    gate_buffer_printf(buffer, "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
}

void gate_metric_value_write(const struct gate_metric_family *family,
                             const struct gate_metric_label *labels, size_t label_count,
                             int64_t value) {
    write_head(family, "", labels, label_count, NULL);
    gate_buffer_printf(family->buffer, "%" PRId64 "\n", value);
}

void gate_metric_histogram_write(const struct gate_metric_family *family,
                                 const struct gate_metric_label *labels, size_t label_count,
                                 struct gate_histogram *histogram) {
    struct gate_buffer *buffer = family->buffer;
    struct gate_buffer bound;
    gate_buffer_init(&bound, 32);
    uint64_t count = 0;
    for (size_t i = 0; i <= GATE_HISTOGRAM_BOUNDS; i++) {
        bound.length = 0;
        if (i < GATE_HISTOGRAM_BOUNDS) {
            write_seconds(&bound, (uint64_t)bounds_ms[i]);
        } else {
            gate_buffer_append_text(&bound, "+Inf");
        }
        count += atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
        write_head(family, "_bucket", labels, label_count, gate_buffer_text(&bound));
        gate_buffer_printf(buffer, "%" PRIu64 "\n", count);
    }
    gate_buffer_done(&bound);
    write_head(family, "_sum", labels, label_count, NULL);
    write_seconds(buffer, atomic_load_explicit(&histogram->sum_ms, memory_order_relaxed));
    gate_buffer_append_text(buffer, "\n");
    /* The last bucket's number, so that the two never differ. */
    write_head(family, "_count", labels, label_count, NULL);
    gate_buffer_printf(buffer, "%" PRIu64 "\n", count);
}
