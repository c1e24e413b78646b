/* Calls of the official SDKs, as nginx passes them on. */
#include "web/exchange.h"

#include "core/encoding.h"
#include "web/grpc/message.h"
#include "web/grpc/struct.h"

#define EXECUTE_URL "/scalekit.v1.tools.ToolService/ExecuteTool"
#define EXECUTE "POST /api/v1/execute_tool"
#define TYPE "application/grpc"

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

static void release(void *buffer) {
    gate_buffer_done(buffer);
}

static struct gate_buffer *make_buffer(void) {
    struct gate_buffer *buffer = gate_arena_make(arena_of(&w), struct gate_buffer);
    gate_buffer_init(buffer, 4 << 20);
    gate_arena_defer(arena_of(&w), release, buffer);
    return buffer;
}

static const struct answer *send_bytes(enum who who, const char *target, const char *type,
                                       const char *body, size_t length, const char *header) {
    return send_request(&w, &(struct sending){
                                .who = who,
                                .method = "POST",
                                .target = target,
                                .content_type = type,
                                .body = body,
                                .body_length = length,
                                .headers = {header},
                            });
}

static const struct answer *call_with(enum who who, const char *target,
                                      const ProtobufCMessage *message, const char *header) {
    struct gate_buffer *body = make_buffer();
    const size_t length = protobuf_c_message_get_packed_size(message);
    const char prefix[] = {0, (char)(length >> 24), (char)(length >> 16), (char)(length >> 8),
                           (char)length};
    gate_buffer_append(body, prefix, sizeof prefix);
    gate_message_write(body, message);
    return send_bytes(who, target, TYPE, body->data, body->length, header);
}

static pb_execute_tool_request make_order(const char *params) {
    pb_execute_tool_request order;
    scalekit__v1__tools__execute_tool_request__init(&order);
    order.tool_name = gate_message_text("gmail_send_email");
    order.connector = gate_message_text("gmail");
    struct gate_buffer *bytes = make_buffer();
    assert_int_equal(gate_struct_parse_json(w.p.ctx, params, strlen(params), bytes), GATE_OK);
    order.params = (ProtobufCBinaryData){bytes->length, (uint8_t *)bytes->data};
    return order;
}

static const ProtobufCMessage *read_answer(const struct answer *answer,
                                           const ProtobufCMessageDescriptor *type) {
    const ProtobufCMessage *message;
    assert_int_equal(answer->status, 200);
    assert_string_equal(find_header(answer, "X-Grpc-Status"), "0");
    assert_in_range(answer->body_length, 5, UINT32_MAX);
    assert_int_equal(
        gate_message_parse(w.p.ctx, type, answer->body + 5, answer->body_length - 5, &message),
        GATE_OK);
    return message;
}

/* The ErrorInfo in the details of a call that ended so. */
static const pb_error_info *expect_failure(const struct answer *answer, int code,
                                           const char *error_code) {
    assert_int_equal(answer->status, 200);
    assert_int_equal(answer->body_length, 0);
    assert_string_equal(find_header(answer, "Content-Type"), TYPE);
    assert_int_equal(atoi(find_header(answer, "X-Grpc-Status")), code);
    assert_true(find_header(answer, "X-Grpc-Message")[0] != '\0');
    const char *details = find_header(answer, "X-Grpc-Details");
    unsigned char *bytes;
    size_t length;
    const ProtobufCMessage *status;
    const ProtobufCMessage *info;
    assert_int_equal(gate_base64_parse(arena_of(&w), details, strlen(details), &bytes, &length),
                     GATE_OK);
    assert_int_equal(
        gate_message_parse(w.p.ctx, &google__rpc__status__descriptor, bytes, length, &status),
        GATE_OK);
    assert_int_equal(((const pb_status *)status)->code, code);
    const pb_any *detail = ((const pb_status *)status)->details[0];
    assert_string_equal(detail->type_url, "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo");
    assert_int_equal(gate_message_parse(w.p.ctx, &scalekit__v1__errdetails__error_info__descriptor,
                                        detail->value.data, detail->value.len, &info),
                     GATE_OK);
    assert_string_equal(((const pb_error_info *)info)->error_code, error_code);
    assert_string_equal(((const pb_error_info *)info)->request_info->request_id,
                        find_header(answer, "X-Request-Id"));
    return (const pb_error_info *)info;
}

/* ---- running tools ---- */

static void test_execute__what_is_sent_and_answered(void **state) {
    (void)state;
    pb_execute_tool_request order = make_order("{\"to\":\"bob\",\"n\":[1,2.5,null]}");
    order.agent_run_id = gate_message_text("run-7");
    const pb_execute_tool_response *output = (const pb_execute_tool_response *)read_answer(
        call_with(SERVICE_ANN, EXECUTE_URL, &order.base, NULL),
        &scalekit__v1__tools__execute_tool_response__descriptor);
    assert_string_equal(output->execution_id, "ex_1");
    struct gate_buffer *json = make_buffer();
    assert_int_equal(gate_struct_format_json(w.p.ctx, output->data.data, output->data.len, json),
                     GATE_OK);
    assert_string_equal(gate_buffer_text(json), "{\"n\":1}");
    assert_string_equal(find_seen_body(&w.p, EXECUTE),
                        "{\"tool_name\":\"gmail_send_email\",\"params\":{\"to\":\"bob\",\"n\":[1,2."
                        "5,null]},\"identifier\":\"ann\",\"connector\":\"gmail\",\"agent_run_id\":"
                        "\"run-7\"}");
}

static void test_execute__user_in_the_message(void **state) {
    (void)state;
    pb_execute_tool_request order = make_order("{}");
    order.identifier = gate_message_text("ann");
    (void)read_answer(call_with(SERVICE, EXECUTE_URL, &order.base, NULL),
                      &scalekit__v1__tools__execute_tool_response__descriptor);
    /* Two that contradict each other are refused, and so is one that the token may not act for. */
    (void)expect_failure(call_with(SERVICE, EXECUTE_URL, &order.base, "HTTP_GATEHOUSE_USER=carl"),
                         3, "GATEHOUSE_INVALID_REQUEST");
    order.identifier = gate_message_text("bob");
    (void)expect_failure(call_with(SERVICE, EXECUTE_URL, &order.base, NULL), 7,
                         "GATEHOUSE_FORBIDDEN");
    (void)expect_failure(call_with(PERSONAL, EXECUTE_URL, &order.base, NULL), 7,
                         "GATEHOUSE_FORBIDDEN");
    assert_int_equal(count_seen(&w.p, EXECUTE), 1);
}

static void test_execute__leaves_a_trail(void **state) {
    (void)state;
    struct gate_tool_call *calls;
    pb_execute_tool_request order = make_order("{}");
    (void)call_with(SERVICE_ANN, EXECUTE_URL, &order.base, NULL);
    assert_int_equal(list_calls(&w.p, w.ann.id, &calls), 1);
    assert_string_equal(calls[0].outcome, "ok");
    assert_string_equal(calls[0].execution_id, "ex_1");
    order.connector = gate_message_text("nothing");
    (void)expect_failure(call_with(SERVICE_ANN, EXECUTE_URL, &order.base, NULL), 5,
                         "GATEHOUSE_NOT_FOUND");
    assert_int_equal(list_calls(&w.p, w.ann.id, &calls), 2);
}

/* What was refused stands there as it does for JSON. */
static void test_execute__over_quota_is_on_record_by_its_tool(void **state) {
    (void)state;
    struct gate_tool_call *calls;
    pb_execute_tool_request order = make_order("{}");
    order.agent_run_id = gate_message_text("run-7");
    w.p.config.user_calls_per_minute = 1;
    (void)call_with(PERSONAL, EXECUTE_URL, &order.base, NULL);
    (void)expect_failure(call_with(PERSONAL, EXECUTE_URL, &order.base, NULL), 8,
                         "GATEHOUSE_TOO_MANY_CALLS");
    assert_int_equal(list_calls(&w.p, w.ann.id, &calls), 2);
    assert_string_equal(calls[0].outcome, "over_quota");
    assert_string_equal(calls[0].tool_name, "gmail_send_email");
    assert_string_equal(calls[0].connection_name, "gmail");
    assert_string_equal(calls[0].agent_run_id, "run-7");
}

static void test_execute__user_has_to_connect(void **state) {
    (void)state;
    pb_execute_tool_request order = make_order("{}");
    order.connector = gate_message_text("slack");
    script(&w.p, "GET /api/v1/connected_accounts/details", 200,
           ACCOUNT_ANSWER("ann", "slack", "EXPIRED"));
    const struct answer *answer = call_with(SERVICE_ANN, EXECUTE_URL, &order.base, NULL);
    const pb_error_info *info = expect_failure(answer, 9, "GATEHOUSE_AUTHORIZATION_REQUIRED");
    assert_string_equal(info->help_info->links[0]->url, HTTPS_URL "/connect/slack");
    assert_string_equal(info->resource_info->resource_name, "slack");
    assert_string_equal(info->resource_info->description, "EXPIRED");
    assert_string_equal(info->resource_info->user, "ann");
    assert_non_null(strstr(find_header(answer, "X-Grpc-Message"), HTTPS_URL "/connect/slack"));
}

static void test_execute__the_apps_own_failure(void **state) {
    (void)state;
    pb_execute_tool_request order = make_order("{}");
    script(&w.p, EXECUTE, 401,
           "{\"code\":16,\"message\":\"m\",\"details\":[{\"@type\":\"x\",\"error_code\":"
           "\"TOOL_ERROR\",\"tool_error_info\":{\"execution_id\":\"ex_9\",\"tool_error_code\":"
           "\"expired\",\"tool_error_message\":\"caf\xC3\xA9 says 100% no\"}}]}");
    const struct answer *answer = call_with(SERVICE_ANN, EXECUTE_URL, &order.base, NULL);
    const pb_error_info *info = expect_failure(answer, 16, "TOOL_ERROR");
    assert_string_equal(info->tool_error_info->execution_id, "ex_9");
    assert_string_equal(info->tool_error_info->tool_error_code, "expired");
    assert_string_equal(info->tool_error_info->tool_error_message, "caf\xC3\xA9 says 100% no");
    assert_string_equal(find_header(answer, "X-Grpc-Message"), "caf%C3%A9 says 100%25 no");
}

/* nginx gives up on an answer whose head is too long, and clients have their limits as well. */
static void test_execute__a_failure_of_many_words(void **state) {
    (void)state;
    pb_execute_tool_request order = make_order("{}");
    char *words = gate_arena_alloc(arena_of(&w), 20001);
    memset(words, 'w', 20000);
    script(&w.p, EXECUTE, 422,
           gate_arena_printf(arena_of(&w),
                             "{\"code\":3,\"message\":\"%s\",\"details\":[{\"@type\":\"x\","
                             "\"error_code\":\"TOOL_ERROR\",\"tool_error_info\":{"
                             "\"execution_id\":\"%s\",\"tool_error_code\":\"%s\","
                             "\"tool_error_message\":\"%s\"}}]}",
                             words, words, words, words));
    const struct answer *answer = call_with(SERVICE_ANN, EXECUTE_URL, &order.base, NULL);
    (void)expect_failure(answer, 3, "TOOL_ERROR");
    assert_in_range(strlen(find_header(answer, "X-Grpc-Message")) +
                        strlen(find_header(answer, "X-Grpc-Details")),
                    1, 6000);
}

static void test_execute__params_beyond_what_json_may_have(void **state) {
    (void)state;
    /* Each of these bytes is six in JSON. */
    const size_t length = GATE_JSON_BODY_MAX_BYTES / 4;
    struct gate_buffer *json = make_buffer();
    gate_buffer_append_text(json, "{\"a\":\"");
    for (size_t i = 0; i < length; i++) {
        gate_buffer_append_text(json, "\\u0001");
    }
    gate_buffer_append_text(json, "\"}");
    pb_execute_tool_request order = make_order(gate_buffer_text(json));
    assert_in_range(order.params.len, length, GATE_JSON_BODY_MAX_BYTES);
    (void)expect_failure(call_with(SERVICE_ANN, EXECUTE_URL, &order.base, NULL), 8,
                         "GATEHOUSE_TOO_LARGE");
    assert_int_equal(count_seen(&w.p, EXECUTE), 0);
}

static void test_execute__an_answer_that_is_no_object(void **state) {
    (void)state;
    pb_execute_tool_request order = make_order("{}");
    script(&w.p, EXECUTE, 200, "{\"data\":[1],\"execution_id\":\"ex_2\"}");
    (void)expect_failure(call_with(SERVICE_ANN, EXECUTE_URL, &order.base, NULL), 13,
                         "GATEHOUSE_UPSTREAM_INVALID");
    script(&w.p, EXECUTE, 200, "{\"data\":null,\"execution_id\":\"ex_3\"}");
    const pb_execute_tool_response *output = (const pb_execute_tool_response *)read_answer(
        call_with(SERVICE_ANN, EXECUTE_URL, &order.base, NULL),
        &scalekit__v1__tools__execute_tool_response__descriptor);
    assert_int_equal(output->data.len, 0);
    assert_string_equal(output->execution_id, "ex_3");
}

/* ---- accounts of users that nobody named ---- */

#define DETAILS "GET /api/v1/connected_accounts/details?id=ca_x"
#define ACCOUNTS_URL "/scalekit.v1.connected_accounts.ConnectedAccountService/"
#define ACCOUNT(identifier)                                                                        \
    "{\"connected_account\":{\"id\":\"ca_x\",\"identifier\":\"" identifier                         \
    "\",\"connector\":\"gmail\",\"status\":\"ACTIVE\"}}"

static void test_account_id__names_its_user(void **state) {
    (void)state;
    pb_execute_tool_request order = make_order("{}");
    order.connector = gate_message_text("");
    order.connected_account_id = gate_message_text("ca_ann_gmail");
    script(&w.p, "GET /api/v1/connected_accounts/details?id=ca_ann_gmail", 200,
           ACCOUNT_ANSWER("ann", "gmail", "ACTIVE"));
    (void)read_answer(call_with(SERVICE, EXECUTE_URL, &order.base, NULL),
                      &scalekit__v1__tools__execute_tool_response__descriptor);
    assert_int_equal(count_seen(&w.p, EXECUTE), 1);
}

/* In the same words, whosever it is; and nothing of it is used when Scalekit confuses two. */
static void test_account_id__of_somebody_else(void **state) {
    (void)state;
    pb_link_request wish;
    scalekit__v1__connected_accounts__get_magic_link_for_connected_account_request__init(&wish);
    wish.id = gate_message_text("ca_x");
    const char *url = ACCOUNTS_URL "GetMagicLinkForConnectedAccount";
    const struct answer *missing = call_with(SERVICE, url, &wish.base, NULL);
    (void)expect_failure(missing, 5, "GATEHOUSE_NOT_FOUND");
    script(&w.p, DETAILS, 200, ACCOUNT("bob"));
    const struct answer *foreign = call_with(SERVICE, url, &wish.base, NULL);
    (void)expect_failure(foreign, 5, "GATEHOUSE_NOT_FOUND");
    assert_string_equal(find_header(missing, "X-Grpc-Message"),
                        find_header(foreign, "X-Grpc-Message"));
    script(&w.p, DETAILS, 200, ACCOUNT_ANSWER("ann", "gmail", "ACTIVE"));
    (void)expect_failure(call_with(SERVICE, url, &wish.base, NULL), 13,
                         "GATEHOUSE_UPSTREAM_INVALID");
    wish.id = gate_message_text("ca_\nx");
    (void)expect_failure(call_with(SERVICE, url, &wish.base, NULL), 3, "GATEHOUSE_INVALID_REQUEST");
}

static void test_accounts__of_everybody_the_token_may_act_for(void **state) {
    (void)state;
    pb_list_accounts_request wish;
    scalekit__v1__connected_accounts__list_connected_accounts_request__init(&wish);
    wish.page_size = 100;
    script(&w.p, "GET /api/v1/connected_accounts?page_size=99", 200,
           "{\"connected_accounts\":[" ACCOUNT_TEXT("ann", "gmail", "ACTIVE") "," ACCOUNT_TEXT(
               "bob", "gmail",
               "ACTIVE") "," ACCOUNT_TEXT("carl", "slack",
                                          "ODD") "],"
                                                 "\"next_page_token\":\"p2\",\"total_size\":3}");
    const pb_list_accounts_response *output = (const pb_list_accounts_response *)read_answer(
        call_with(SERVICE, ACCOUNTS_URL "ListConnectedAccounts", &wish.base, NULL),
        &scalekit__v1__connected_accounts__list_connected_accounts_response__descriptor);
    assert_int_equal(output->n_connected_accounts, 2);
    assert_string_equal(output->connected_accounts[0]->identifier, "ann");
    assert_int_equal(output->connected_accounts[0]->status, 1);
    assert_string_equal(output->connected_accounts[1]->identifier, "carl");
    assert_int_equal(output->connected_accounts[1]->status, 0);
    assert_string_equal(output->next_page_token, "p2");
    assert_int_equal(output->total_size, 0);
}

/* Scalekit would look for it in everybody's accounts, and its pages tell how many it has found. */
static void test_accounts__a_search_tells_nothing_of_others(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t count;
    } cases[] = {{"NN", 1}, {"bob", 0}, {"GMA", 1}, {"slack", 1}, {"MyApp", 1}};
    pb_list_accounts_request wish;
    scalekit__v1__connected_accounts__list_connected_accounts_request__init(&wish);
    wish.page_size = 10;
    script(&w.p, "GET /api/v1/connected_accounts?page_size=10", 200,
           "{\"connected_accounts\":[" ACCOUNT_TEXT("ann", "gmail", "ACTIVE") "," ACCOUNT_TEXT(
               "bob", "gmail",
               "ACTIVE") ",{\"id\":\"ca_c\",\"identifier\":\"carl\","
                         "\"connector\":\"slack\",\"provider\":\"MYAPP\",\"status\":\"ACTIVE\"}],"
                         "\"next_page_token\":\"p2\",\"total_size\":3}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wish.query = gate_message_text(cases[i].text);
        const pb_list_accounts_response *output = (const pb_list_accounts_response *)read_answer(
            call_with(SERVICE, ACCOUNTS_URL "ListConnectedAccounts", &wish.base, NULL),
            &scalekit__v1__connected_accounts__list_connected_accounts_response__descriptor);
        assert_int_equal(output->n_connected_accounts, cases[i].count);
        assert_string_equal(output->next_page_token, "p2");
    }
}

/* An SDK may know ways to sign in at an app that came after this portal. */
static void test_create__credentials_of_a_kind_that_is_not_known(void **state) {
    (void)state;
    uint8_t secret[] = "\x06secret";
    ProtobufCMessageUnknownField unknown = {.tag = 99,
                                            .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
                                            .len = sizeof secret - 1,
                                            .data = secret};
    pb_authorization_details details;
    pb_account_wish account;
    pb_create_account_request wish;
    scalekit__v1__connected_accounts__authorization_details__init(&details);
    scalekit__v1__connected_accounts__create_connected_account__init(&account);
    scalekit__v1__connected_accounts__create_connected_account_request__init(&wish);
    wish.connector = gate_message_text("gmail");
    wish.connected_account = &account;
    account.authorization_details = &details;
    for (int i = 0; i < 2; i++) {
        ProtobufCMessage *holder = i == 0 ? &details.base : &account.base;
        holder->n_unknown_fields = 1;
        holder->unknown_fields = &unknown;
        const char *url = ACCOUNTS_URL "CreateConnectedAccount";
        const struct answer *answer = call_with(SERVICE_ANN, url, &wish.base, NULL);
        (void)expect_failure(answer, 3, "GATEHOUSE_INVALID_REQUEST");
        assert_non_null(strstr(find_header(answer, "X-Grpc-Message"), "no credentials"));
        holder->n_unknown_fields = 0;
    }
    assert_int_equal(count_seen(&w.p, "POST /api/v1/connected_accounts"), 0);
}

/* ---- time ---- */

static void test_timeout__that_is_none(void **state) {
    (void)state;
    static const char *const values[] = {"", "1", "S", "1s", "-1S", "123456789S", "1 S", "1SS"};
    pb_execute_tool_request order = make_order("{}");
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const char *header = gate_arena_printf(arena_of(&w), "HTTP_GRPC_TIMEOUT=%s", values[i]);
        (void)expect_failure(call_with(SERVICE_ANN, EXECUTE_URL, &order.base, header), 3,
                             "GATEHOUSE_INVALID_REQUEST");
    }
    assert_int_equal(count_seen(&w.p, EXECUTE), 0);
}

static void test_timeout__units(void **state) {
    (void)state;
    static const char *const values[] = {"99999999H", "1M",        "60S",
                                         "60000m",    "60000000u", "99999999n"};
    pb_execute_tool_request order = make_order("{}");
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const char *header = gate_arena_printf(arena_of(&w), "HTTP_GRPC_TIMEOUT=%s", values[i]);
        (void)read_answer(call_with(SERVICE_ANN, EXECUTE_URL, &order.base, header),
                          &scalekit__v1__tools__execute_tool_response__descriptor);
    }
}

static void test_timeout__that_is_over_already(void **state) {
    (void)state;
    pb_execute_tool_request order = make_order("{}");
    (void)expect_failure(call_with(SERVICE_ANN, EXECUTE_URL, &order.base, "HTTP_GRPC_TIMEOUT=0m"),
                         4, "GATEHOUSE_UPSTREAM_TIMEOUT");
    assert_int_equal(count_seen(&w.p, EXECUTE), 0);
}

/* ---- what is no call ---- */

static void test_body__hostile(void **state) {
    (void)state;
    static const struct {
        const char *body;
        size_t length;
        int code;
        const char *error_code;
    } cases[] = {
        {"\0\0\0\0", 4, 3, "GATEHOUSE_INVALID_REQUEST"},
        {"\0\0\0\0\3\x0A\1", 7, 3, "GATEHOUSE_INVALID_REQUEST"},
        {"\0\0\0\0\0\0\0\0\0\0", 10, 3, "GATEHOUSE_INVALID_REQUEST"},
        {"\1\0\0\0\0", 5, 12, "GATEHOUSE_UNSUPPORTED_MEDIA_TYPE"},
        {"\0\0\0\0\2\x0A\5", 7, 3, "GATEHOUSE_INVALID_REQUEST"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)expect_failure(
            send_bytes(SERVICE_ANN, EXECUTE_URL, TYPE, cases[i].body, cases[i].length, NULL),
            cases[i].code, cases[i].error_code);
    }
}

/* Who does not speak gRPC must not take a 200 for success. */
static void test_type__that_is_another(void **state) {
    (void)state;
    static const char *const types[] = {"application/json", "application/grpcx", "text/plain",
                                        "application/grpc+json", "application/grpc-web"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const struct answer *answer =
            send_bytes(SERVICE_ANN, EXECUTE_URL, types[i], "\0\0\0\0\0", 5, NULL);
        assert_string_equal(find_header(answer, "X-Grpc-Status"), "12");
    }
    assert_int_equal(
        send_bytes(SERVICE_ANN, EXECUTE_URL, "application/json", "{}", 2, NULL)->status, 415);
    static const char *const good[] = {"application/grpc", "application/grpc+proto",
                                       "Application/GRPC; charset=x"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const struct answer *answer =
            send_bytes(SERVICE_ANN, "/scalekit.v1.tools.ToolService/ListScopedTools", good[i],
                       "\0\0\0\0\0", 5, NULL);
        assert_string_equal(find_header(answer, "X-Grpc-Status"), "0");
    }
}

static void test_call__that_is_not_offered(void **state) {
    (void)state;
    static const char *const targets[] = {
        "/scalekit.v1.tools.ToolService/CreateTool",
        "/scalekit.v1.users.UserService/ListUsers",
        "/scalekit.v1.x",
        "/scalekit.v1.tools.ToolService/executeTool",
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        const struct answer *answer =
            send_bytes(SERVICE_ANN, targets[i], TYPE, "\0\0\0\0\0", 5, NULL);
        (void)expect_failure(answer, 12, "GATEHOUSE_UNIMPLEMENTED");
    }
    /* Looking at such an address is no call. */
    (void)expect_problem(&w, get(&w, SERVICE_ANN, EXECUTE_URL), 405, "method-not-allowed");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_execute__what_is_sent_and_answered),
        CASE(test_execute__user_in_the_message),
        CASE(test_execute__leaves_a_trail),
        CASE(test_execute__over_quota_is_on_record_by_its_tool),
        CASE(test_execute__user_has_to_connect),
        CASE(test_execute__the_apps_own_failure),
        CASE(test_execute__a_failure_of_many_words),
        CASE(test_execute__params_beyond_what_json_may_have),
        CASE(test_execute__an_answer_that_is_no_object),
        CASE(test_account_id__names_its_user),
        CASE(test_account_id__of_somebody_else),
        CASE(test_accounts__of_everybody_the_token_may_act_for),
        CASE(test_accounts__a_search_tells_nothing_of_others),
        CASE(test_create__credentials_of_a_kind_that_is_not_known),
        CASE(test_timeout__that_is_none),
        CASE(test_timeout__units),
        CASE(test_timeout__that_is_over_already),
        CASE(test_body__hostile),
        CASE(test_type__that_is_another),
        CASE(test_call__that_is_not_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
