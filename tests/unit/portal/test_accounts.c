/* Listing, finding, making, linking and ending connected accounts, against a Scalekit that can be
 * told to fail. */
#include "unit/portal/scripted_scalekit.h"

#include "core/encoding.h"
#include "portal/account_create.h"
#include "portal/account_end.h"
#include "portal/account_link.h"
#include "portal/account_list.h"
#include "portal/token.h"

static const struct gate_account_choice gmail = {.connection_name = "gmail"};
static const struct gate_account_choice gmail_by_id = {.account_id = "ca_gmail"};

/* The last message of a refusal, and the last account that was answered; each for the test to look
 * at. */
static char message[GATE_ERROR_MESSAGE_MAX_BYTES];
static struct gate_connector shown;
static char shown_status[32];

static void keep(const struct work *work) {
    snprintf(message, sizeof message, "%s", work->ctx->error.message);
    snprintf(shown_status, sizeof shown_status, "%s",
             work->err == GATE_OK && shown.has_account
                 ? gate_account_status_name(shown.account.status)
                 : "");
}

static enum gate_err finish_work(struct world *world, struct work *work) {
    enum gate_err err = wait_for(world, work);
    keep(work);
    end_work(work);
    return err;
}

static void begin_as_next_request(struct world *world, struct work *work) {
    reread_user(world);
    begin_work(world, work);
    shown = (struct gate_connector){0};
}

static enum gate_err find(struct world *world, const struct gate_account_choice *choice) {
    struct work work;
    begin_as_next_request(world, &work);
    gate_portal_account_find(work.ctx, world->portal, &world->caller, choice, &shown, note_end,
                             &work);
    return finish_work(world, &work);
}

static enum gate_err create(struct world *world, const char *connection_name) {
    struct work work;
    begin_as_next_request(world, &work);
    gate_portal_account_create(work.ctx, world->portal, &world->caller, connection_name, &shown,
                               note_end, &work);
    return finish_work(world, &work);
}

static enum gate_err disconnect(struct world *world, const struct gate_account_choice *choice) {
    struct work work;
    begin_as_next_request(world, &work);
    gate_portal_account_disconnect(work.ctx, world->portal, &world->caller, choice, &shown,
                                   note_end, &work);
    return finish_work(world, &work);
}

static enum gate_err delete_account(struct world *world, const struct gate_account_choice *choice) {
    struct work work;
    begin_as_next_request(world, &work);
    gate_portal_account_delete(work.ctx, world->portal, &world->caller, choice, note_end, &work);
    return finish_work(world, &work);
}

/* The link, for the test to keep; NULL when there is none. */
static const char *make_link(struct world *world, const struct gate_account_link_wish *wish,
                             enum gate_err expected) {
    struct work work;
    const char *link = NULL;
    begin_as_next_request(world, &work);
    gate_portal_account_link_make(work.ctx, world->portal, &world->caller, wish, &link, note_end,
                                  &work);
    assert_int_equal(wait_for(world, &work), expected);
    link = link == NULL ? NULL : gate_arena_strdup(world->ctx->arena, link);
    keep(&work);
    end_work(&work);
    return link;
}

static void use_token(struct world *world, const char *scopes, const char *connections) {
    world->caller.kind = GATE_CALLER_SERVICE_TOKEN;
    world->caller.token = (struct gate_token){.scopes = scopes, .connections = connections};
}

static void read_all(struct world *world) {
    assert_int_equal(need_catalogue(world), GATE_OK);
    assert_int_equal(need_accounts(world), GATE_OK);
}

static int count_everything(struct world *world) {
    return count_of(world, &world->count_list) + count_of(world, &world->count_details) +
           count_of(world, &world->count_create) + count_of(world, &world->count_link) +
           count_of(world, &world->count_disconnect) + count_of(world, &world->count_delete);
}

/* ---- one ---- */

static void test_find__by_connection_or_id(void **state) {
    struct world *world = *state;
    has_account(world, "gmail", "ACTIVE");
    read_all(world);
    assert_int_equal(find(world, &gmail), GATE_OK);
    assert_string_equal(shown_status, "ACTIVE");
    assert_int_equal(find(world, &gmail_by_id), GATE_OK);
    assert_string_equal(shown_status, "ACTIVE");
    const struct gate_account_choice both = {"gmail", "ca_gmail"};
    assert_int_equal(find(world, &both), GATE_OK);
    const struct gate_account_choice contradiction = {"gmail", "ca_slack-a"};
    assert_int_equal(find(world, &contradiction), GATE_ERR_NOT_FOUND);
    const struct gate_account_choice nothing = {0};
    assert_int_equal(find(world, &nothing), GATE_ERR_INPUT);
    assert_int_equal(count_of(world, &world->count_details), 0);
    assert_int_equal(count_of(world, &world->count_list), 1);
}

static void test_find__asks_before_it_says_no(void **state) {
    struct world *world = *state;
    read_all(world);
    has_account(world, "gmail", "ACTIVE");
    assert_int_equal(find(world, &gmail_by_id), GATE_OK); /* reads them all once more */
    assert_int_equal(count_of(world, &world->count_list), 2);
    has_account(world, "acme", "EXPIRED");
    const struct gate_account_choice acme = {.connection_name = "acme"};
    assert_int_equal(find(world, &acme), GATE_OK);
    assert_string_equal(shown_status, "EXPIRED");
    assert_int_equal(count_of(world, &world->count_details), 1);
}

/* Somebody else's id and one that nobody has are the same to the caller. */
static void test_find__what_is_not_the_callers(void **state) {
    struct world *world = *state;
    static const char *const ids[] = {"ca_grace_gmail", "ca_", "-", "ca_a/b:c%2f", "ca_gmail "};
    char first[sizeof message] = "";
    has_account(world, "gmail", "ACTIVE");
    read_all(world);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        const struct gate_account_choice choice = {.account_id = ids[i]};
        assert_int_equal(find(world, &choice), GATE_ERR_NOT_FOUND);
        if (i > 0) {
            assert_string_equal(message, first);
        }
        snprintf(first, sizeof first, "%s", message);
    }
    const struct gate_account_choice unused = {.connection_name = "slack-a"};
    assert_int_equal(find(world, &unused), GATE_ERR_NOT_FOUND);
    assert_string_equal(message, first);
    int asked = count_everything(world);
    const struct gate_account_choice invented = {.connection_name = "in/vented"};
    const struct gate_account_choice switched_off = {.connection_name = "off"};
    assert_int_equal(find(world, &invented), GATE_ERR_NOT_FOUND);
    assert_int_equal(find(world, &switched_off), GATE_ERR_NOT_FOUND);
    assert_int_equal(count_everything(world), asked);
}

static void test_find__rules_come_first(void **state) {
    struct world *world = *state;
    has_account(world, "gmail", "ACTIVE");
    read_all(world);
    int asked = count_everything(world);
    use_token(world, GATE_SCOPE_EXECUTE " " GATE_SCOPE_ACCOUNTS, "*");
    assert_int_equal(find(world, &gmail), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(message, "rule: scope tools:read"));
    use_token(world, GATE_SCOPE_READ, "* !gmail");
    assert_int_equal(find(world, &gmail), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(message, "rule: connections, !gmail"));
    assert_int_equal(find(world, &gmail_by_id), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(message, "rule: connections, !gmail"));
    assert_int_equal(count_everything(world), asked);
}

static void test_find__when_scalekit_fails(void **state) {
    struct world *world = *state;
    has_account(world, "gmail", "ACTIVE");
    read_all(world);
    fails(world, "connected_accounts", 403);
    const struct gate_account_choice unused = {.connection_name = "slack-a"};
    const struct gate_account_choice unknown = {.account_id = "ca_other"};
    assert_int_equal(find(world, &gmail), GATE_OK); /* from the record */
    assert_int_equal(find(world, &unused), GATE_ERR_UPSTREAM);
    assert_int_equal(find(world, &unknown), GATE_ERR_UPSTREAM);
}

/* ---- all ---- */

static void know_five(struct world *world) {
    static const char *const names[] = {"slack-b", "gmail", "acme", "slack-a", "gone"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        has_account(world, names[i], i == 1 ? "ACTIVE" : "EXPIRED");
    }
    read_all(world);
}

/* "acme gmail |3 token" : the names on a page, the total, and the token of the next page. */
static const char *list(struct world *world, const struct gate_account_query *query,
                        const char **ret_token) {
    struct work work;
    struct gate_account_page page = {0};
    const char *text = "";
    begin_as_next_request(world, &work);
    gate_portal_accounts_list(work.ctx, world->portal, &world->caller, query, &page, note_end,
                              &work);
    enum gate_err err = wait_for(world, &work);
    gate_arena *arena = world->ctx->arena;
    for (size_t i = 0; i < page.count; i++) {
        text = gate_arena_printf(arena, "%s%s ", text, page.items[i].name);
    }
    text = err == GATE_OK ? gate_arena_printf(arena, "%s|%zu", text, page.total)
                          : gate_arena_printf(arena, "%s", gate_err_name(err));
    if (ret_token != NULL) {
        *ret_token =
            page.next_page_token == NULL ? NULL : gate_arena_strdup(arena, page.next_page_token);
    }
    keep(&work);
    end_work(&work);
    return text;
}

static void test_list__in_pages_by_name(void **state) {
    struct world *world = *state;
    const char *token;
    know_five(world);
    struct gate_account_query query = {.page_size = 2};
    assert_string_equal(list(world, &query, &token), "acme gmail |5");
    query.page_token = token;
    has_account(world, "free", "ACTIVE"); /* before the next page begins: nothing is seen twice */
    read_all(world);
    assert_string_equal(list(world, &query, &token), "gone slack-a |5");
    query.page_token = token;
    assert_string_equal(list(world, &query, &token), "slack-b |5");
    assert_null(token);
    query = (struct gate_account_query){.page_size = 5};
    assert_string_equal(list(world, &query, &token), "acme gmail gone slack-a slack-b |5");
    assert_null(token);
}

static void test_list__filters(void **state) {
    struct world *world = *state;
    static const char *const two[] = {"slack-b", "gmail", "nothing", NULL};
    const struct {
        struct gate_account_query query;
        const char *names;
    } cases[] = {
        {{.connection_name = "gmail"}, "gmail |1"},
        {{.connection_name = ""}, "acme gmail gone slack-a slack-b |5"},
        {{.connection_name = "GMAIL"}, "|0"},
        {{.connection_names = two}, "gmail slack-b |2"},
        {{.provider = "slack"}, "slack-a slack-b |2"},
        {{.provider = "SLACK", .connection_names = two}, "slack-b |1"},
        {{.provider = "JIRA"}, "|0"},
        {{.text = "GMAI"}, "gmail |1"},
        {{.text = "acme crm"}, "acme |1"}, /* as people call it */
        {{.text = "ADA"}, "acme gmail gone slack-a slack-b |5"},
        {{.text = "zzz"}, "|0"},
    };
    know_five(world);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(list(world, &cases[i].query, NULL), cases[i].names);
    }
}

static void test_list__what_the_rules_leave(void **state) {
    struct world *world = *state;
    know_five(world);
    const struct gate_account_query everything = {0};
    use_token(world, GATE_SCOPE_READ, "slack-* !slack-b");
    assert_string_equal(list(world, &everything, NULL), "slack-a |1");
    const struct gate_account_query forbidden = {.connection_name = "gmail"};
    assert_string_equal(list(world, &forbidden, NULL), "|0");
    use_token(world, GATE_SCOPE_ACCOUNTS, "*");
    assert_string_equal(list(world, &everything, NULL), gate_err_name(GATE_ERR_FORBIDDEN));
    assert_non_null(strstr(message, "rule: scope tools:read"));
}

static void test_list__queries_that_are_wrong(void **state) {
    struct world *world = *state;
    static const char *const one[] = {"gmail", NULL};
    const char *many[GATE_ACCOUNT_FILTER_NAMES_MAX + 2] = {NULL};
    for (size_t i = 0; i <= GATE_ACCOUNT_FILTER_NAMES_MAX; i++) {
        many[i] = "gmail";
    }
    const char *foreign = gate_base64url_format(world->ctx->arena, "gmail", 5);
    const char *binary = gate_base64url_format(world->ctx->arena, "after:\xff", 7);
    const struct gate_account_query queries[] = {
        {.connection_name = "gmail", .connection_names = one},
        {.connection_names = many},
        {.page_size = GATE_ACCOUNT_PAGE_MAX + 1},
        {.page_size = -1},
        {.page_token = "?"},
        {.page_token = "2"},
        {.page_token = foreign},
        {.page_token = binary},
    };
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        assert_string_equal(list(world, &queries[i], NULL), gate_err_name(GATE_ERR_INPUT));
    }
    assert_int_equal(count_everything(world), 0);
}

/* ---- making one ---- */

static void test_create__one_to_be_authorized(void **state) {
    struct world *world = *state;
    read_all(world);
    use_token(world, GATE_SCOPE_EXECUTE, "*");
    assert_int_equal(create(world, "gmail"), GATE_OK);
    assert_string_equal(shown_status, "PENDING_AUTH");
    assert_string_equal(recorded(world, "gmail"), "PENDING_AUTH");
    assert_string_equal(
        seen(world, world->create_body),
        "{\"connector\":\"gmail\",\"identifier\":\"ada\",\"connected_account\":{}}");
}

static void test_create__where_there_is_one(void **state) {
    struct world *world = *state;
    read_all(world);
    has_account(world, "gmail", "EXPIRED"); /* not on record yet */
    assert_int_equal(create(world, "gmail"), GATE_ERR_CONFLICT);
    assert_non_null(strstr(message, "already"));
    assert_string_equal(recorded(world, "gmail"), "EXPIRED");
}

static void test_create__what_the_rules_forbid(void **state) {
    struct world *world = *state;
    read_all(world);
    use_token(world, GATE_SCOPE_READ, "*");
    assert_int_equal(create(world, "gmail"), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(message, "rule: scope tools:execute or accounts:write"));
    use_token(world, GATE_SCOPE_EXECUTE, "slack-a");
    assert_int_equal(create(world, "gmail"), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(message, "rule: connections"));
    use_token(world, GATE_SCOPE_EXECUTE, "*");
    assert_int_equal(create(world, "in/vented"), GATE_ERR_NOT_FOUND);
    assert_int_equal(create(world, "off"), GATE_ERR_NOT_FOUND);
    /* Here there is no consent that its user would still have to give. */
    assert_int_equal(create(world, "free"), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(message, "rule: scope accounts:write"));
    assert_int_equal(count_of(world, &world->count_create), 0);
    use_token(world, GATE_SCOPE_ACCOUNTS, "*");
    assert_int_equal(create(world, "free"), GATE_OK);
}

static void test_create__asks_when_the_answer_was_lost(void **state) {
    struct world *world = *state;
    read_all(world);
    add_fault(world, "/connected_accounts", (struct gate_test_http_answer){.status = 500});
    add_fault(world, "/details", (struct gate_test_http_answer){.status = 503});
    assert_int_equal(create(world, "gmail"), GATE_ERR_OUTCOME_UNKNOWN);
    heal(world);
    add_fault(world, "?", (struct gate_test_http_answer){0}); /* reads are well */
    add_fault(world, "/connected_accounts", (struct gate_test_http_answer){.status = 500});
    assert_int_equal(create(world, "gmail"), GATE_ERR_UNAVAILABLE); /* certainly not made */
    has_account(world, "gmail", "PENDING_AUTH");
    assert_int_equal(create(world, "gmail"), GATE_OK);
    assert_string_equal(recorded(world, "gmail"), "PENDING_AUTH");
}

static void test_create__when_scalekit_refuses(void **state) {
    struct world *world = *state;
    static const struct {
        int status;
        enum gate_err err;
    } cases[] = {
        {400, GATE_ERR_UPSTREAM},  {401, GATE_ERR_UPSTREAM},     {403, GATE_ERR_UPSTREAM},
        {404, GATE_ERR_NOT_FOUND}, {429, GATE_ERR_RATE_LIMITED}, {503, GATE_ERR_UNAVAILABLE},
    };
    read_all(world);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        heal(world);
        fails(world, "/connected_accounts", cases[i].status);
        assert_int_equal(create(world, "gmail"), cases[i].err);
        assert_null(recorded(world, "gmail"));
    }
}

static void test_create__answers_that_make_no_sense(void **state) {
    struct world *world = *state;
    static const char *const bodies[] = {
        "rubbish",
        "{}",
        ("{\"connected_account\":{\"id\":\"ca_1\",\"identifier\":\"grace\",\"connector\":\"gmail\","
         "\"status\":\"ACTIVE\"}}"),
    };
    read_all(world);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        heal(world);
        add_fault(world, "?", (struct gate_test_http_answer){0});
        add_fault(world, "/connected_accounts",
                  (struct gate_test_http_answer){.status = 201, .body = bodies[i]});
        assert_int_equal(create(world, "gmail"), GATE_ERR_UNAVAILABLE);
        assert_null(recorded(world, "gmail"));
    }
}

/* ---- the link ---- */

static void test_link__is_the_portals_own(void **state) {
    struct world *world = *state;
    read_all(world);
    int asked = count_everything(world);
    use_token(world, GATE_SCOPE_READ, "*");
    assert_string_equal(
        make_link(world, &(struct gate_account_link_wish){.choice = gmail}, GATE_OK),
        "https://portal.example/connect/gmail");
    assert_string_equal(
        make_link(world, &(struct gate_account_link_wish){gmail, "https://agent.example/a?b=c"},
                  GATE_OK),
        "https://portal.example/connect/gmail?return_to=https%3A%2F%2Fagent.example%2Fa%3Fb%3Dc");
    assert_int_equal(count_everything(world), asked);
}

static void test_link__by_the_id_of_an_account(void **state) {
    struct world *world = *state;
    has_account(world, "gmail", "EXPIRED");
    read_all(world);
    assert_string_equal(
        make_link(world, &(struct gate_account_link_wish){.choice = gmail_by_id}, GATE_OK),
        "https://portal.example/connect/gmail");
    const struct gate_account_link_wish foreign = {.choice = {.account_id = "ca_grace_gmail"}};
    assert_null(make_link(world, &foreign, GATE_ERR_NOT_FOUND));
    const struct gate_account_link_wish nothing = {0};
    assert_null(make_link(world, &nothing, GATE_ERR_INPUT));
}

static void test_link__that_would_lead_astray(void **state) {
    struct world *world = *state;
    static const char *const targets[] = {
        "https://evil.example/", "//evil.example", "javascript:alert(1)", "/a/../b", "/\\evil",
    };
    read_all(world);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        const struct gate_account_link_wish wish = {gmail, targets[i]};
        assert_null(make_link(world, &wish, GATE_ERR_INPUT));
        assert_non_null(strstr(message, "user_verify_url"));
    }
}

static void test_link__what_the_rules_forbid(void **state) {
    struct world *world = *state;
    const struct gate_account_link_wish wish = {.choice = gmail};
    has_account(world, "gone", "EXPIRED");
    read_all(world);
    use_token(world, GATE_SCOPE_EXECUTE, "*");
    assert_null(make_link(world, &wish, GATE_ERR_FORBIDDEN));
    use_token(world, GATE_SCOPE_READ, "slack-a");
    assert_null(make_link(world, &wish, GATE_ERR_FORBIDDEN));
    assert_non_null(strstr(message, "rule: connections"));
    use_token(world, GATE_SCOPE_READ, "*");
    static const char *const names[] = {"invented", "off", "draft", "gone"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct gate_account_link_wish no = {.choice = {.connection_name = names[i]}};
        assert_null(make_link(world, &no, GATE_ERR_NOT_FOUND));
    }
}

/* ---- ending ---- */

static void test_end__disconnects_and_deletes(void **state) {
    struct world *world = *state;
    has_account(world, "gmail", "ACTIVE");
    read_all(world);
    use_token(world, GATE_SCOPE_ACCOUNTS, "*");
    assert_int_equal(disconnect(world, &gmail_by_id), GATE_OK);
    assert_string_equal(shown_status, "DISCONNECTED");
    assert_string_equal(recorded(world, "gmail"), "DISCONNECTED");
    assert_int_equal(disconnect(world, &gmail), GATE_OK); /* again is no error */
    assert_int_equal(delete_account(world, &gmail_by_id), GATE_OK);
    assert_null(recorded(world, "gmail"));
    assert_int_equal(delete_account(world, &gmail_by_id), GATE_ERR_NOT_FOUND);
    assert_int_equal(delete_account(world, &gmail), GATE_ERR_NOT_FOUND);
    assert_int_equal(disconnect(world, &gmail), GATE_ERR_NOT_FOUND);
    assert_int_equal(count_of(world, &world->count_delete), 1);
}

static void test_end__what_the_rules_forbid(void **state) {
    struct world *world = *state;
    has_account(world, "gmail", "ACTIVE");
    read_all(world);
    int asked = count_everything(world);
    use_token(world, GATE_SCOPE_READ " " GATE_SCOPE_EXECUTE, "*");
    assert_int_equal(disconnect(world, &gmail), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(message, "rule: scope accounts:write"));
    assert_int_equal(delete_account(world, &gmail_by_id), GATE_ERR_FORBIDDEN);
    use_token(world, GATE_SCOPE_ACCOUNTS, "slack-*");
    assert_int_equal(delete_account(world, &gmail), GATE_ERR_FORBIDDEN);
    assert_non_null(strstr(message, "rule: connections"));
    assert_int_equal(disconnect(world, &gmail_by_id), GATE_ERR_FORBIDDEN);
    assert_int_equal(count_everything(world), asked);
    assert_string_equal(recorded(world, "gmail"), "ACTIVE");
}

static void test_end__what_is_not_the_callers(void **state) {
    struct world *world = *state;
    has_account(world, "gmail", "ACTIVE");
    read_all(world);
    const struct gate_account_choice foreign = {.account_id = "ca_grace_gmail"};
    assert_int_equal(disconnect(world, &foreign), GATE_ERR_NOT_FOUND);
    assert_int_equal(delete_account(world, &foreign), GATE_ERR_NOT_FOUND);
    const struct gate_account_choice mixed = {"gmail", "ca_grace_gmail"};
    assert_int_equal(disconnect(world, &mixed), GATE_ERR_NOT_FOUND);
    assert_int_equal(delete_account(world, &mixed), GATE_ERR_NOT_FOUND);
    assert_int_equal(count_of(world, &world->count_disconnect), 0);
    assert_int_equal(count_of(world, &world->count_delete), 0);
}

static void test_end__when_scalekit_fails(void **state) {
    struct world *world = *state;
    has_account(world, "gmail", "ACTIVE");
    read_all(world);
    fails(world, ":disconnect", 503);
    fails(world, ":delete", 503);
    assert_int_equal(disconnect(world, &gmail), GATE_ERR_UNAVAILABLE);
    assert_int_equal(delete_account(world, &gmail), GATE_ERR_UNAVAILABLE);
    assert_string_equal(recorded(world, "gmail"), "ACTIVE");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        world_test(test_find__by_connection_or_id),
        world_test(test_find__asks_before_it_says_no),
        world_test(test_find__what_is_not_the_callers),
        world_test(test_find__rules_come_first),
        world_test(test_find__when_scalekit_fails),
        world_test(test_list__in_pages_by_name),
        world_test(test_list__filters),
        world_test(test_list__what_the_rules_leave),
        world_test(test_list__queries_that_are_wrong),
        world_test(test_create__one_to_be_authorized),
        world_test(test_create__where_there_is_one),
        world_test(test_create__what_the_rules_forbid),
        world_test(test_create__asks_when_the_answer_was_lost),
        world_test(test_create__when_scalekit_refuses),
        world_test(test_create__answers_that_make_no_sense),
        world_test(test_link__is_the_portals_own),
        world_test(test_link__by_the_id_of_an_account),
        world_test(test_link__that_would_lead_astray),
        world_test(test_link__what_the_rules_forbid),
        world_test(test_end__disconnects_and_deletes),
        world_test(test_end__what_the_rules_forbid),
        world_test(test_end__what_is_not_the_callers),
        world_test(test_end__when_scalekit_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
