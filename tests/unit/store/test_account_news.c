/* Events about accounts: single cases, and random histories told late, twice, out of order or not
 * at all, beside readings, all held against a model of what is true. */
#include "unit/store/temporary_store.h"

#include "core/text.h"
#include "store/account_news.h"
#include "store/connection.h"

#define OCCURRED (NOW - 60000)

static enum gate_account_news_outcome take(struct aggregate_case *c,
                                           const struct gate_account_news *news, int64_t now_ms) {
    enum gate_account_news_outcome outcome = GATE_ACCOUNT_NEWS_UNCLEAR;
    enum gate_err err = gate_store_account_news_take(c->ctx, c->tx, news, now_ms, &outcome);
    if (err != GATE_OK) {
        fail_msg("%s", c->ctx->error.message);
    }
    return outcome;
}

static struct gate_account_news gmail(int64_t user_id, const char *status, int64_t occurred_at) {
    return (struct gate_account_news){.user_id = user_id,
                                      .connection_name = "gmail",
                                      .scalekit_id = "ca_1",
                                      .authorization_type = "OAUTH",
                                      .status = status,
                                      .occurred_at = occurred_at};
}

static struct gate_account_news deletion(int64_t user_id, const char *scalekit_id,
                                         int64_t occurred_at) {
    return (struct gate_account_news){.user_id = user_id,
                                      .connection_name = "gmail",
                                      .scalekit_id = scalekit_id,
                                      .occurred_at = occurred_at,
                                      .is_deletion = true};
}

/* The recorded account; false when there is none. */
static bool find(struct aggregate_case *c, int64_t user_id, struct gate_account *ret_account) {
    enum gate_err err = gate_store_account_find(c->ctx, c->tx, user_id, "gmail", ret_account);
    assert_true(err == GATE_OK || err == GATE_ERR_NOT_FOUND);
    return err == GATE_OK;
}

static const char *status_of(struct aggregate_case *c, int64_t user_id) {
    struct gate_account account;
    return find(c, user_id, &account) ? gate_account_status_name(account.status) : "none";
}

static void read_accounts(struct aggregate_case *c, int64_t user_id,
                          const struct gate_account *accounts, size_t count, int64_t asked_at,
                          int64_t now_ms) {
    const struct gate_account_reading reading = {.accounts = accounts,
                                                 .count = count,
                                                 .asked_at = asked_at,
                                                 .learned_from = GATE_ACCOUNT_SOURCE_PAGE};
    assert_int_equal(gate_store_account_reconcile(c->ctx, c->tx, user_id, &reading, now_ms, NULL),
                     GATE_OK);
}

static size_t count_rechecks(struct aggregate_case *c) {
    struct gate_user *users = NULL;
    size_t count = 0;
    assert_int_equal(gate_store_user_recheck_list(c->ctx, c->tx, 0, 10, &users, &count), GATE_OK);
    return count;
}

static int64_t add_ada(struct aggregate_case *c) {
    static const struct gate_connection connection = {.name = "gmail", .enabled = true};
    assert_int_equal(
        gate_store_connection_catalogue_replace(c->ctx, c->tx, &connection, 1, NOW - 100000),
        GATE_OK);
    return add_user(c, "ada");
}

/* ---- single cases ---- */

static void test_take__follows_what_is_told_in_order(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_ada(c);
    struct gate_account account;
    struct gate_account_news news = gmail(ada, "PENDING_AUTH", OCCURRED);
    assert_int_equal(take(c, &news, NOW), GATE_ACCOUNT_NEWS_TAKEN);
    news = gmail(ada, "ACTIVE", OCCURRED + 1);
    news.token_expires_at = NOW + 5000;
    assert_int_equal(take(c, &news, NOW + 1), GATE_ACCOUNT_NEWS_TAKEN);
    assert_true(find(c, ada, &account));
    assert_int_equal(account.status, GATE_ACCOUNT_ACTIVE);
    assert_int_equal(account.learned_from, GATE_ACCOUNT_SOURCE_WEBHOOK);
    assert_int_equal(account.event_at, OCCURRED + 1);
    assert_int_equal(account.updated_at, 0);
    /* What is not said stays. */
    news = gmail(ada, "EXPIRED", OCCURRED + 2);
    news.authorization_type = NULL;
    assert_int_equal(take(c, &news, NOW + 2), GATE_ACCOUNT_NEWS_TAKEN);
    assert_true(find(c, ada, &account));
    assert_string_equal(account.authorization_type, "OAUTH");
    assert_int_equal(account.token_expires_at, NOW + 5000);
}

static void test_take__passes_over_what_is_late(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_ada(c);
    struct gate_account_news news = gmail(ada, "ACTIVE", OCCURRED);
    assert_int_equal(take(c, &news, NOW), GATE_ACCOUNT_NEWS_TAKEN);
    assert_int_equal(take(c, &news, NOW + 1), GATE_ACCOUNT_NEWS_TAKEN); /* again: no harm */
    news = gmail(ada, "EXPIRED", OCCURRED - 1);
    assert_int_equal(take(c, &news, NOW + 2), GATE_ACCOUNT_NEWS_OLD);
    assert_string_equal(status_of(c, ada), "ACTIVE");
}

static void test_take__passes_over_what_a_reading_knew(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_ada(c);
    const struct gate_account listed = {.connection_name = "gmail",
                                        .scalekit_id = "ca_1",
                                        .status = GATE_ACCOUNT_ACTIVE,
                                        .updated_at = OCCURRED};
    read_accounts(c, ada, &listed, 1, NOW, NOW + 1);
    struct gate_account_news news = gmail(ada, "PENDING_AUTH", OCCURRED - 1);
    assert_int_equal(take(c, &news, NOW + 2), GATE_ACCOUNT_NEWS_OLD);
    assert_string_equal(status_of(c, ada), "ACTIVE");
}

static void test_take__asks_when_two_are_of_one_moment(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_ada(c);
    struct gate_account_news news = gmail(ada, "ACTIVE", OCCURRED);
    assert_int_equal(take(c, &news, NOW), GATE_ACCOUNT_NEWS_TAKEN);
    news = gmail(ada, "PENDING_AUTH", OCCURRED);
    assert_int_equal(take(c, &news, NOW + 1), GATE_ACCOUNT_NEWS_UNCLEAR);
    assert_string_equal(status_of(c, ada), "ACTIVE");
    assert_int_equal(count_rechecks(c), 1);
}

static void test_take__asks_when_it_is_not_whole(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_ada(c);
    struct gate_account_news broken[6];
    for (size_t i = 0; i < 6; i++) {
        broken[i] = gmail(ada, "ACTIVE", OCCURRED);
    }
    broken[0].connection_name = NULL;
    broken[1].scalekit_id = NULL;
    broken[2].status = NULL;
    broken[3].occurred_at = 0;
    broken[4].occurred_at = NOW + 3600000; /* would stand against everything for an hour */
    broken[5].connection_name = "made-up";
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(take(c, &broken[i], NOW), GATE_ACCOUNT_NEWS_UNCLEAR);
    }
    assert_string_equal(status_of(c, ada), "none");
    assert_int_equal(count_rechecks(c), 1);
}

static void test_take__keeps_nothing_of_made_up_names(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_ada(c);
    struct gate_account_news news = deletion(ada, "ca_9", OCCURRED);
    news.connection_name = "made-up";
    assert_int_equal(take(c, &news, NOW), GATE_ACCOUNT_NEWS_UNCLEAR);
    struct gate_account *accounts = NULL;
    size_t count = 9;
    assert_int_equal(gate_store_account_list(c->ctx, c->tx, ada, &accounts, &count), GATE_OK);
    assert_int_equal(count, 0);
}

static void test_take__an_unknown_status_needs_attention(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_ada(c);
    struct gate_account_news news = gmail(ada, "REVOKED", OCCURRED);
    assert_int_equal(take(c, &news, NOW), GATE_ACCOUNT_NEWS_TAKEN);
    assert_string_equal(status_of(c, ada), "UNKNOWN");
}

static void test_take__an_end_outlives_what_comes_late(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_ada(c);
    struct gate_account_news news = deletion(ada, "ca_1", OCCURRED); /* before anything else */
    assert_int_equal(take(c, &news, NOW), GATE_ACCOUNT_NEWS_TAKEN);
    news = gmail(ada, "ACTIVE", OCCURRED - 1);
    assert_int_equal(take(c, &news, NOW + 1), GATE_ACCOUNT_NEWS_OLD);
    news = gmail(ada, "PENDING_AUTH", OCCURRED + 1);
    news.scalekit_id = "ca_2";
    assert_int_equal(take(c, &news, NOW + 2), GATE_ACCOUNT_NEWS_TAKEN);
    news = deletion(ada, "ca_1", OCCURRED);
    assert_int_equal(take(c, &news, NOW + 3), GATE_ACCOUNT_NEWS_OLD);
    assert_string_equal(status_of(c, ada), "PENDING_AUTH");
}

static void test_take__asks_about_what_the_last_reading_did_not_have(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_ada(c);
    read_accounts(c, ada, NULL, 0, NOW, NOW);
    struct gate_account_news news = gmail(ada, "ACTIVE", NOW - 1);
    assert_int_equal(take(c, &news, NOW + 1), GATE_ACCOUNT_NEWS_UNCLEAR);
    assert_int_equal(count_rechecks(c), 1);
    read_accounts(c, ada, NULL, 0, NOW, NOW + 2); /* asked for before the wish */
    assert_int_equal(count_rechecks(c), 1);
    read_accounts(c, ada, NULL, 0, NOW + 2, NOW + 3);
    assert_int_equal(count_rechecks(c), 0);
    news = gmail(ada, "ACTIVE", NOW + 10000);
    assert_int_equal(take(c, &news, NOW + 10001), GATE_ACCOUNT_NEWS_TAKEN);
}

static void test_reading__ends_a_wish_from_before_the_clock_was_set_back(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_ada(c);
    assert_int_equal(gate_store_account_want_recheck(c->ctx, c->tx, ada, NOW + 3600000), GATE_OK);
    read_accounts(c, ada, NULL, 0, NOW, NOW + 1);
    assert_int_equal(count_rechecks(c), 0);
}

static void test_reading__that_was_asked_for_before_an_event(void **state) {
    struct aggregate_case *c = *state;
    int64_t ada = add_ada(c);
    const struct gate_account listed = {.connection_name = "gmail",
                                        .scalekit_id = "ca_1",
                                        .status = GATE_ACCOUNT_PENDING_AUTH,
                                        .updated_at = OCCURRED - 1};
    struct gate_account_news news = gmail(ada, "ACTIVE", OCCURRED);
    assert_int_equal(take(c, &news, NOW), GATE_ACCOUNT_NEWS_TAKEN);
    read_accounts(c, ada, &listed, 1, NOW - 1, NOW + 1);
    assert_string_equal(status_of(c, ada), "ACTIVE");
    read_accounts(c, ada, NULL, 0, NOW - 1, NOW + 1);
    assert_string_equal(status_of(c, ada), "ACTIVE");
    /* Asked for after it, the reading is what is true, whatever the times at Scalekit. */
    read_accounts(c, ada, &listed, 1, NOW + 2, NOW + 3);
    assert_string_equal(status_of(c, ada), "PENDING_AUTH");
}

/* ---- random histories ---- */

enum { STATES = 12, MESSAGES_MAX = 64, ROUNDS = 2000 };

static unsigned long long dice;

/* A number from 0 to `below` - 1. */
static int roll(int below) {
    dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
    return (int)((dice >> 33) % (unsigned)below);
}

/* What was true from `at` on. */
struct truth {
    bool is_there;
    char scalekit_id[16];
    const char *status;
    int64_t at; /* by our clock */
};

enum message_kind { TOLD, READ };

struct message {
    enum message_kind kind;
    int told;         /* index of the truth that an event tells of */
    int64_t asked_at; /* of a reading */
    int seen;         /* index of the truth that it found */
    int64_t arrives_at;
};

struct history {
    struct aggregate_case *c;
    int64_t user_id;
    struct truth truths[STATES];
    struct message messages[MESSAGES_MAX];
    int message_count;
    int64_t skew_ms;      /* Scalekit's clock is so far ahead of ours */
    int64_t now;          /* ours */
    int shown;            /* the truth that the record showed last; it never goes back */
    int least;            /* the newest one that it must have heard of */
    int64_t last_told_at; /* when the last event came in */
};

static void make_truths(struct history *history) {
    static const char *const statuses[] = {"PENDING_AUTH", "ACTIVE", "EXPIRED",
                                           "PENDING_VERIFICATION", "DISCONNECTED"};
    int id = 0;
    int64_t at = NOW;
    for (int i = 0; i < STATES; i++) {
        struct truth *truth = &history->truths[i];
        const struct truth *before = i == 0 ? NULL : &history->truths[i - 1];
        bool was_there = before != NULL && before->is_there;
        at += roll(8) == 0 ? 0 : 1 + roll(4000);
        *truth = (struct truth){.at = at};
        truth->is_there = i > 0 && (!was_there || roll(5) > 0);
        if (truth->is_there) {
            id += !was_there;
            snprintf(truth->scalekit_id, sizeof truth->scalekit_id, "ca_%d", id);
            truth->status = statuses[roll(5)];
        }
    }
}

static int truth_at(const struct history *history, int64_t at) {
    int found = 0;
    for (int i = 1; i < STATES && history->truths[i].at <= at; i++) {
        found = i;
    }
    return found;
}

static void add_message(struct history *history, struct message message) {
    assert_true(history->message_count < MESSAGES_MAX);
    history->messages[history->message_count++] = message;
}

static int64_t delay(void) {
    return roll(3) == 0 ? roll(20000) : roll(300);
}

/* Each change is told, now and then twice or not at all; and there are readings. */
static void make_messages(struct history *history, bool loses) {
    for (int i = 1; i < STATES; i++) {
        bool is_change = history->truths[i].is_there || history->truths[i - 1].is_there;
        int times = loses && roll(4) == 0 ? 0 : 1 + (roll(5) == 0);
        for (int copy = 0; is_change && copy < times; copy++) {
            add_message(history, (struct message){.kind = TOLD,
                                                  .told = i,
                                                  .arrives_at = history->truths[i].at + delay()});
        }
    }
    for (int i = roll(8); i > 0; i--) {
        int64_t asked_at = NOW + roll(30000);
        int64_t found_at = asked_at + roll(50);
        add_message(history, (struct message){.kind = READ,
                                              .asked_at = asked_at,
                                              .seen = truth_at(history, found_at),
                                              .arrives_at = found_at + 1 + delay()});
    }
}

static int compare_messages(const void *left, const void *right) {
    const struct message *a = left;
    const struct message *b = right;
    return a->arrives_at < b->arrives_at ? -1 : a->arrives_at > b->arrives_at;
}

static void read_truth(struct history *history, int64_t asked_at, int seen) {
    const struct truth *truth = &history->truths[seen];
    const struct gate_account listed = {
        .connection_name = "gmail",
        .scalekit_id = truth->scalekit_id,
        .status = gate_account_status_parse(truth->status),
        .updated_at = truth->at + history->skew_ms,
    };
    read_accounts(history->c, history->user_id, &listed, truth->is_there ? 1 : 0, asked_at,
                  history->now);
    /* What came in since it was asked for may stand against it. */
    if (asked_at > history->last_told_at && seen > history->least) {
        history->least = seen;
    }
}

static void tell(struct history *history, int told) {
    const struct truth *truth = &history->truths[told];
    const struct truth *before = &history->truths[told - 1];
    bool is_end = !truth->is_there;
    const struct gate_account_news news = {
        .user_id = history->user_id,
        .connection_name = "gmail",
        .scalekit_id = is_end ? before->scalekit_id : truth->scalekit_id,
        .status = truth->status,
        .occurred_at = truth->at + history->skew_ms,
        .is_deletion = is_end,
    };
    history->last_told_at = history->now;
    if (take(history->c, &news, history->now) == GATE_ACCOUNT_NEWS_UNCLEAR) {
        history->now += 2;
        read_truth(history, history->now - 1, truth_at(history, history->now - 1));
    }
    if (told > history->least) {
        history->least = told;
    }
}

static bool shows(const struct history *history, int index) {
    const struct truth *truth = &history->truths[index];
    struct gate_account account;
    bool is_there = find(history->c, history->user_id, &account);
    return is_there == truth->is_there &&
           (!is_there || (gate_text_equal(account.scalekit_id, truth->scalekit_id) &&
                          account.status == gate_account_status_parse(truth->status)));
}

/* The record shows one truth, none older than before, and none older than the newest it heard of.
 */
static void check_record(struct history *history, int round) {
    int index = history->shown > history->least ? history->shown : history->least;
    int newest = truth_at(history, history->now);
    while (index <= newest && !shows(history, index)) {
        index++;
    }
    if (index > newest) {
        fail_msg("round %d: %s at %lld shows nothing from %d to %d", round,
                 status_of(history->c, history->user_id), (long long)(history->now - NOW),
                 history->least, newest);
    }
    history->shown = index;
}

/* The trail is a chain that ends in the record. */
static void check_trail(const struct history *history) {
    struct gate_account_event *events = NULL;
    size_t count = 0;
    assert_int_equal(gate_store_account_event_list(history->c->ctx, history->c->tx,
                                                   history->user_id, "gmail", 1000, &events,
                                                   &count),
                     GATE_OK);
    const char *newer = NULL;
    for (size_t i = 0; i < count; i++) {
        const char *end = events[i].new_status == NULL ? "none" : events[i].new_status;
        assert_string_equal(end, i == 0 ? status_of(history->c, history->user_id) : newer);
        newer = events[i].old_status == NULL ? "none" : events[i].old_status;
    }
}

static void play(struct aggregate_case *c, int round) {
    char identifier[32];
    snprintf(identifier, sizeof identifier, "user-%d", round);
    dice = (unsigned long long)round;
    bool loses = roll(2) == 0;
    struct history history = {.c = c, .user_id = add_user(c, identifier), .now = NOW};
    history.skew_ms = roll(9001) - 4500;
    make_truths(&history);
    make_messages(&history, loses);
    qsort(history.messages, (size_t)history.message_count, sizeof history.messages[0],
          compare_messages);
    for (int i = 0; i < history.message_count; i++) {
        const struct message *message = &history.messages[i];
        history.now = message->arrives_at > history.now ? message->arrives_at : history.now + 1;
        if (message->kind == TOLD) {
            tell(&history, message->told);
        } else {
            read_truth(&history, message->asked_at, message->seen);
        }
        check_record(&history, round);
    }
    check_trail(&history);
    /* Nothing was lost: what was told is what is true. And a reading makes up for losses. */
    if (!loses && !shows(&history, STATES - 1)) {
        fail_msg("round %d: everything was told, and the record shows something else", round);
    }
    history.now += 60000;
    read_truth(&history, history.now - 1, STATES - 1);
    assert_true(shows(&history, STATES - 1));
    check_trail(&history);
}

static void test_histories__are_followed_and_never_undone(void **state) {
    struct aggregate_case *c = *state;
    (void)add_ada(c);
    /* One transaction, so that the disk does not set the pace. */
    assert_int_equal(gate_database_run(c->tx, GATE_SQL_DATABASE_BEGIN_WRITE, &c->ctx->error),
                     GATE_OK);
    for (int round = 1; round <= ROUNDS; round++) {
        play(c, round);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        aggregate_test(test_take__follows_what_is_told_in_order),
        aggregate_test(test_take__passes_over_what_is_late),
        aggregate_test(test_take__passes_over_what_a_reading_knew),
        aggregate_test(test_take__asks_when_two_are_of_one_moment),
        aggregate_test(test_take__asks_when_it_is_not_whole),
        aggregate_test(test_take__keeps_nothing_of_made_up_names),
        aggregate_test(test_take__an_unknown_status_needs_attention),
        aggregate_test(test_take__an_end_outlives_what_comes_late),
        aggregate_test(test_take__asks_about_what_the_last_reading_did_not_have),
        aggregate_test(test_reading__ends_a_wish_from_before_the_clock_was_set_back),
        aggregate_test(test_reading__that_was_asked_for_before_an_event),
        aggregate_test(test_histories__are_followed_and_never_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
