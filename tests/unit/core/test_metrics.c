#include "support/cases.h"

#include <pthread.h>
#include <string.h>

#include "core/metrics.h"

static struct gate_buffer buffer;

static int set_up(void **state) {
    (void)state;
    gate_buffer_init(&buffer, 64 * 1024);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gate_buffer_done(&buffer);
    return 0;
}

static void test_value__with_and_without_labels(void **state) {
    (void)state;
    const struct gate_metric_label labels[] = {{"kind", "read"}, {"outcome", "ok"}};
    struct gate_metric_family family =
        gate_metric_family_write(&buffer, "gate_calls_total", GATE_METRIC_COUNTER, "Calls.");
    gate_metric_value_write(&family, labels, 2, 7);
    family = gate_metric_family_write(&buffer, "gate_queue", GATE_METRIC_GAUGE, "How many wait.");
    gate_metric_value_write(&family, NULL, 0, -1);
    assert_string_equal(gate_buffer_text(&buffer),
                        "# HELP gate_calls_total Calls.\n"
                        "# TYPE gate_calls_total counter\n"
                        "gate_calls_total{kind=\"read\",outcome=\"ok\"} 7\n"
                        "# HELP gate_queue How many wait.\n"
                        "# TYPE gate_queue gauge\n"
                        "gate_queue -1\n");
}

static void test_label__is_escaped(void **state) {
    (void)state;
    const struct gate_metric_label label = {"l", "a\\b\"c\nd"};
    struct gate_metric_family family =
        gate_metric_family_write(&buffer, "m", GATE_METRIC_GAUGE, "M.");
    gate_metric_value_write(&family, &label, 1, 0);
    assert_non_null(strstr(gate_buffer_text(&buffer), "m{l=\"a\\\\b\\\"c\\nd\"} 0\n"));
}

static void test_histogram__counts_up_to_each_bound(void **state) {
    (void)state;
    static const int64_t times_ms[] = {-5, 0, 1, 2, 3, 10, 11, 59999, 60000, 60001, 1000000};
    struct gate_histogram histogram = {0};
    for (size_t i = 0; i < sizeof times_ms / sizeof times_ms[0]; i++) {
        gate_histogram_add(&histogram, times_ms[i]);
    }
    struct gate_metric_family family =
        gate_metric_family_write(&buffer, "t_seconds", GATE_METRIC_HISTOGRAM, "Time.");
    gate_metric_histogram_write(&family, NULL, 0, &histogram);
    static const char *const lines[] = {
        "\nt_seconds_bucket{le=\"0.001\"} 3\n",
        "\nt_seconds_bucket{le=\"0.002\"} 4\n",
        "\nt_seconds_bucket{le=\"0.005\"} 5\n",
        "\nt_seconds_bucket{le=\"0.010\"} 6\n",
        "\nt_seconds_bucket{le=\"0.020\"} 7\n",
        "\nt_seconds_bucket{le=\"30.000\"} 7\n",
        "\nt_seconds_bucket{le=\"60.000\"} 9\n",
        "\nt_seconds_bucket{le=\"+Inf\"} 11\n",
        "\nt_seconds_sum 1180.027\n",
        "\nt_seconds_count 11\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (strstr(gate_buffer_text(&buffer), lines[i]) == NULL) {
            fail_msg("%s is not in %s", lines[i], gate_buffer_text(&buffer));
        }
    }
}

#define THREADS 4
#define ROUNDS 20000

struct crowd {
    struct gate_counter counter;
    struct gate_histogram histogram;
};

static void *count_up(void *state) {
    struct crowd *crowd = state;
    for (int i = 0; i < ROUNDS; i++) {
        gate_counter_add(&crowd->counter, 1);
        gate_histogram_add(&crowd->histogram, i % 3);
    }
    return NULL;
}

static void test_counts__of_many_threads_are_complete(void **state) {
    (void)state;
    struct crowd crowd = {0};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, &crowd), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(gate_counter_get(&crowd.counter), THREADS * ROUNDS);
    struct gate_metric_family family =
        gate_metric_family_write(&buffer, "t", GATE_METRIC_HISTOGRAM, "T.");
    gate_metric_histogram_write(&family, NULL, 0, &crowd.histogram);
    assert_non_null(strstr(gate_buffer_text(&buffer), "\nt_count 80000\n"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_value__with_and_without_labels),
        CASE(test_label__is_escaped),
        CASE(test_histogram__counts_up_to_each_bound),
        CASE(test_counts__of_many_threads_are_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
