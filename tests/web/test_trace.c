/* The trace of a request in the requests that are made for it. */
#include "web/exchange.h"

#define ORDER "{\"tool_name\":\"gmail_send_email\",\"connector\":\"gmail\",\"params\":{}}"
#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define OTHER_ID "0af7651916cd43dd8448eb211c80319c"
#define PARENT "HTTP_TRACEPARENT=00-" ID "-00f067aa0ba902b7-01"
#define OTHER_PARENT "HTTP_TRACEPARENT=00-" OTHER_ID "-b7ad6b7169203331-01"

static struct portal_web w;

static int set_up(void **state) {
    (void)state;
    portal_web_open(&w, HTTPS_URL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    portal_web_close(&w);
    return 0;
}

/* Run a tool with these parameters: which request of those to Scalekit was its call. */
static int run_with(const char *one, const char *two, const char *three) {
    const struct answer *answer = send_request(&w, &(struct sending){
                                                       .who = PERSONAL,
                                                       .method = "POST",
                                                       .target = "/api/v1/execute_tool",
                                                       .body = ORDER,
                                                       .content_type = "application/json",
                                                       .headers = {one, two, three},
                                                   });
    assert_int_equal(answer->status, 200);
    int last = -1;
    pthread_mutex_lock(&w.p.lock);
    for (int i = 0; i < w.p.seen_count; i++) {
        last = gate_text_starts_with(w.p.seen_target[i], "POST /api/v1/execute_tool") ? i : last;
    }
    pthread_mutex_unlock(&w.p.lock);
    assert_true(last >= 0);
    return last;
}

static void expect_trace(int seen, const char *id, const char *tracestate) {
    assert_int_equal(strlen(w.p.seen_traceparent[seen]), 55);
    assert_memory_equal(w.p.seen_traceparent[seen] + 3, id, 32);
    assert_string_equal(w.p.seen_tracestate[seen], tracestate);
}

static void test_trace__a_callers_own_goes_on(void **state) {
    (void)state;
    expect_trace(run_with(PARENT, "HTTP_TRACESTATE=a=1,b=2", NULL), ID, "a=1,b=2");
    expect_trace(run_with(PARENT, "HTTP_TRACESTATE=a=1", "HTTP_TRACESTATE=b=2"), ID, "a=1,b=2");
    expect_trace(run_with(PARENT, "HTTP_TRACESTATE=a=1,B=2", NULL), ID, "");
    expect_trace(run_with(OTHER_PARENT, NULL, NULL), OTHER_ID, "");
}

static void test_trace__is_the_requests_id_without_a_valid_one(void **state) {
    (void)state;
    static const char request_id[] = "REQUEST_ID=5bd66ef5095369c7b0d1f8f4bd33716a";
    const char *id = request_id + 11;
    expect_trace(run_with(request_id, NULL, NULL), id, "");
    expect_trace(run_with(request_id, "HTTP_TRACEPARENT=00-" ID "-01", "HTTP_TRACESTATE=a=1"), id,
                 "");
    expect_trace(run_with(request_id, PARENT, OTHER_PARENT), id, "");
    expect_trace(run_with(request_id, PARENT ", 00-" OTHER_ID "-b7ad6b7169203331-01", NULL), id,
                 "");
}

static void test_trace__covers_what_is_read_for_a_request(void **state) {
    (void)state;
    /* Carl was never read: his accounts are asked for on a context of their own. */
    const struct answer *answer =
        send_request(&w, &(struct sending){
                             .who = SERVICE,
                             .target = "/api/v1/connections",
                             .headers = {"HTTP_GATEHOUSE_USER=carl", PARENT, "HTTP_TRACESTATE=a=1"},
                         });
    assert_int_equal(answer->status, 200);
    assert_int_equal(count_seen(&w.p, "GET /api/v1/connected_accounts?identifier=carl"), 1);
    for (int i = 0; i < w.p.seen_count; i++) {
        expect_trace(i, ID, "a=1");
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_trace__a_callers_own_goes_on),
        CASE(test_trace__is_the_requests_id_without_a_valid_one),
        CASE(test_trace__covers_what_is_read_for_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
