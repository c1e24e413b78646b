/* Upstream work in numbers, for the operator's monitoring. */
#include "scalekit/client.h"

static void write_outcomes(gate_scalekit *scalekit, struct gate_buffer *buffer) {
    struct gate_metric_family family =
        gate_metric_family_write(buffer, "gatehouse_upstream_requests_total", GATE_METRIC_COUNTER,
                                 "Requests to Scalekit, each attempt, by kind of work.");
    for (int work = 0; work < GATE_SCALEKIT_WORK_COUNT_; work++) {
        for (int outcome = 0; outcome < GATE_ERR_COUNT_; outcome++) {
            uint64_t count = gate_counter_get(&scalekit->counts[work].outcomes[outcome]);
            const struct gate_metric_label labels[] = {
                {"kind", gate_scalekit_work_name((enum gate_scalekit_work)work)},
                {"outcome", gate_err_name((enum gate_err)outcome)},
            };
            if (count > 0 || outcome == GATE_OK) {
                gate_metric_value_write(&family, labels, 2, (int64_t)count);
            }
        }
    }
}

static void write_durations(gate_scalekit *scalekit, struct gate_buffer *buffer) {
    struct gate_metric_family family =
        gate_metric_family_write(buffer, "gatehouse_upstream_request_duration_seconds",
                                 GATE_METRIC_HISTOGRAM, "Requests to Scalekit, each attempt.");
    for (int work = 0; work < GATE_SCALEKIT_WORK_COUNT_; work++) {
        const struct gate_metric_label label = {
            "kind", gate_scalekit_work_name((enum gate_scalekit_work)work)};
        gate_metric_histogram_write(&family, &label, 1, &scalekit->counts[work].durations);
    }
}

/* One number for each kind of work. */
static void write_each(gate_scalekit *scalekit, const struct gate_metric_family *family,
                       int64_t (*get)(gate_scalekit *scalekit, enum gate_scalekit_work work)) {
    for (int kind = 0; kind < GATE_SCALEKIT_WORK_COUNT_; kind++) {
        enum gate_scalekit_work work = (enum gate_scalekit_work)kind;
        const struct gate_metric_label label = {"kind", gate_scalekit_work_name(work)};
        gate_metric_value_write(family, &label, 1, get(scalekit, work));
    }
}

static int64_t get_state(gate_scalekit *scalekit, enum gate_scalekit_work work) {
    return gate_scalekit_work_state_get(scalekit, work);
}

static int64_t get_pauses(gate_scalekit *scalekit, enum gate_scalekit_work work) {
    return (int64_t)gate_counter_get(&scalekit->counts[work].pauses);
}

static int64_t get_refused(gate_scalekit *scalekit, enum gate_scalekit_work work) {
    return (int64_t)gate_counter_get(&scalekit->counts[work].refused);
}

static void write_refreshes(gate_scalekit *scalekit, struct gate_buffer *buffer) {
    struct gate_metric_family family =
        gate_metric_family_write(buffer, "gatehouse_token_refreshes_total", GATE_METRIC_COUNTER,
                                 "Times that Scalekit was asked for our token.");
    for (int outcome = 0; outcome < GATE_ERR_COUNT_; outcome++) {
        uint64_t count = gate_counter_get(&scalekit->token_refreshes[outcome]);
        const struct gate_metric_label label = {"outcome", gate_err_name((enum gate_err)outcome)};
        if (count > 0 || outcome == GATE_OK) {
            gate_metric_value_write(&family, &label, 1, (int64_t)count);
        }
    }
}

void gate_scalekit_metrics_write(gate_scalekit *scalekit, struct gate_buffer *buffer) {
    write_outcomes(scalekit, buffer);
    write_durations(scalekit, buffer);
    struct gate_metric_family family = gate_metric_family_write(
        buffer, "gatehouse_upstream_breaker_state", GATE_METRIC_GAUGE,
        "0 closed: work goes on; 1 half-open: it is being probed; 2 open: it is paused.");
    write_each(scalekit, &family, get_state);
    family = gate_metric_family_write(buffer, "gatehouse_upstream_pauses_total",
                                      GATE_METRIC_COUNTER, "Times that a breaker opened.");
    write_each(scalekit, &family, get_pauses);
    family =
        gate_metric_family_write(buffer, "gatehouse_upstream_refused_total", GATE_METRIC_COUNTER,
                                 "Calls that a breaker did not let begin.");
    write_each(scalekit, &family, get_refused);
    write_refreshes(scalekit, buffer);
}
