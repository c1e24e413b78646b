#include "web/metrics.h"

#include <stdlib.h>

#include "core/metrics.h"
#include "web/route.h"

/* Statuses with a row of their own. Others, which only a provider behind the proxy may think of,
 * are counted by their class. */
static const int statuses[] = {200, 201, 202, 204, 206, 301, 302, 303, 304, 307,
                               308, 400, 401, 403, 404, 405, 409, 410, 412, 413,
                               415, 422, 429, 500, 501, 502, 503, 504};
#define STATUS_COUNT (sizeof statuses / sizeof statuses[0])

static const char *const classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
#define CLASS_COUNT (sizeof classes / sizeof classes[0])

struct route_counts {
    struct gate_counter statuses[STATUS_COUNT];
    struct gate_counter classes[CLASS_COUNT];
    struct gate_histogram durations;
};

struct gate_web_metrics {
    atomic_int_least64_t in_flight;
    struct route_counts *routes; /* as in the route table; the last one: no route */
};

struct gate_web_metrics *gate_web_metrics_new(void) {
    struct gate_web_metrics *metrics = calloc(1, sizeof *metrics);
    struct route_counts *routes = calloc(gate_route_count + 1, sizeof *routes);
    if (metrics == NULL || routes == NULL) {
        abort();
    }
    metrics->routes = routes;
    return metrics;
}

void gate_web_metrics_free(struct gate_web_metrics *metrics) {
    if (metrics != NULL) {
        free(metrics->routes);
        free(metrics);
    }
}

void gate_web_metrics_begin(struct gate_web_metrics *metrics) {
    atomic_fetch_add_explicit(&metrics->in_flight, 1, memory_order_relaxed);
}

static struct gate_counter *find_counter(struct route_counts *counts, int status) {
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (statuses[i] == status) {
            return &counts->statuses[i];
        }
    }
    size_t class = status >= 100 && status <= 599 ? (size_t)status / 100 : 0;
    return &counts->classes[class];
}

void gate_web_metrics_end(struct gate_web_metrics *metrics, const struct gate_request *request,
                          int64_t duration_ms) {
    size_t route =
        request->route == NULL ? gate_route_count : (size_t)(request->route - gate_routes);
    struct route_counts *counts = &metrics->routes[route];
    gate_counter_add(find_counter(counts, gate_response_meaning_get(&request->response)), 1);
    gate_histogram_add(&counts->durations, duration_ms);
    atomic_fetch_sub_explicit(&metrics->in_flight, 1, memory_order_relaxed);
}

struct route_labels {
    struct gate_metric_label labels[3]; /* the third is the status's */
};

static struct route_labels make_labels(size_t route) {
    bool is_none = route == gate_route_count;
    return (struct route_labels){{
        {"method", is_none ? "-" : gate_routes[route].method},
        {"route", is_none ? "-" : gate_routes[route].pattern},
        {"status", NULL},
    }};
}

static void write_counter(const struct gate_metric_family *family, struct route_labels labels,
                          const char *status, struct gate_counter *counter) {
    uint64_t count = gate_counter_get(counter);
    labels.labels[2].value = status;
    if (count > 0) {
        gate_metric_value_write(family, labels.labels, 3, (int64_t)count);
    }
}

static void write_requests(struct gate_web_metrics *metrics, struct gate_buffer *buffer) {
    struct gate_metric_family family =
        gate_metric_family_write(buffer, "gatehouse_http_requests_total", GATE_METRIC_COUNTER,
                                 "Requests answered, by route.");
    for (size_t route = 0; route <= gate_route_count; route++) {
        struct route_counts *counts = &metrics->routes[route];
        for (size_t i = 0; i < STATUS_COUNT; i++) {
            const char status[] = {(char)('0' + statuses[i] / 100),
                                   (char)('0' + statuses[i] / 10 % 10),
                                   (char)('0' + statuses[i] % 10), '\0'};
            write_counter(&family, make_labels(route), status, &counts->statuses[i]);
        }
        for (size_t i = 0; i < CLASS_COUNT; i++) {
            write_counter(&family, make_labels(route), classes[i], &counts->classes[i]);
        }
    }
}

static void write_durations(struct gate_web_metrics *metrics, struct gate_buffer *buffer) {
    struct gate_metric_family family =
        gate_metric_family_write(buffer, "gatehouse_http_request_duration_seconds",
                                 GATE_METRIC_HISTOGRAM, "Requests, until the answer was written.");
    for (size_t route = 0; route <= gate_route_count; route++) {
        struct route_labels labels = make_labels(route);
        gate_metric_histogram_write(&family, labels.labels, 2, &metrics->routes[route].durations);
    }
}

void gate_web_metrics_write(struct gate_web_metrics *metrics, struct gate_buffer *buffer) {
    struct gate_metric_family family =
        gate_metric_family_write(buffer, "gatehouse_http_requests_in_flight", GATE_METRIC_GAUGE,
                                 "Requests under way now, this one included.");
    gate_metric_value_write(&family, NULL, 0,
                            atomic_load_explicit(&metrics->in_flight, memory_order_relaxed));
    write_requests(metrics, buffer);
    write_durations(metrics, buffer);
}
