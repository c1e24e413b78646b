/* A Scalekit that keeps one person's accounts and can be told to fail, with a real store, net,
 * client and portal around it: for the tests of connectors, connecting and refreshing. */
#ifndef GATE_TESTS_SCRIPTED_SCALEKIT_H
#define GATE_TESTS_SCRIPTED_SCALEKIT_H

#include "support/cases.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/text.h"
#include "portal/connectors.h"
#include "portal/portal.h"
#include "portal/refresh.h"
#include "store/authorization.h"
#include "store/connection.h"
#include "support/http_server.h"

#define FAKE_ACCOUNTS_MAX 8
#define FAKE_FAULTS_MAX 4
#define FAKE_BODIES 128
#define FAKE_CATALOGUE                                                                             \
    "{\"connections\":["                                                                           \
    "{\"key_id\":\"gmail\",\"provider_key\":\"GMAIL\",\"type\":\"OAUTH\",\"status\":"              \
    "\"COMPLETED\","                                                                               \
    "\"enabled\":true},"                                                                           \
    "{\"key_id\":\"slack-a\",\"provider_key\":\"SLACK\",\"type\":\"OAUTH\",\"enabled\":true},"     \
    "{\"key_id\":\"slack-b\",\"provider_key\":\"SLACK\",\"type\":\"OAUTH\",\"enabled\":true},"     \
    "{\"key_id\":\"acme\",\"provider_key\":\"ACME_CRM\",\"type\":\"API_KEY\",\"enabled\":true},"   \
    "{\"key_id\":\"free\",\"provider_key\":\"FREE\",\"type\":\"NO_AUTH\",\"enabled\":true},"       \
    "{\"key_id\":\"draft\",\"provider_key\":\"JIRA\",\"status\":\"DRAFT\",\"enabled\":true},"      \
    "{\"key_id\":\"off\",\"provider_key\":\"JIRA\",\"status\":\"COMPLETED\",\"enabled\":false}]}"

struct fake_account {
    char connection[32];
    char status[32];
    int updated_s; /* seconds into 2026-03-01T12:00 */
};

/* While set, requests whose target contains `part` fail. */
struct fault {
    const char *part;
    struct gate_test_http_answer answer;
};

/* Real time that can be moved forward. */
struct shifted_clock {
    struct gate_clock clock;
    atomic_llong shift_ms;
};

struct world {
    char directory[64];
    char database[96];
    struct shifted_clock clock;
    gate_test_server *server;
    gate_runqueue *queue;
    gate_store *store;
    gate_net *net;
    gate_scalekit *scalekit;
    gate_portal *portal;
    gate_secret *secret;
    struct gate_config config;
    const char *return_origins[2];
    struct gate_caller caller;
    struct gate_ctx *ctx; /* for what lives as long as the test */

    pthread_mutex_t lock; /* for the rest, which the server's threads use */
    const char *catalogue;
    struct fake_account accounts[FAKE_ACCOUNTS_MAX];
    int account_count;
    struct fault faults[FAKE_FAULTS_MAX];
    int fault_count;
    int count_catalogue, count_list, count_details, count_link, count_verify, count_disconnect,
        count_delete, count_create;
    char create_body[256];
    char state_text[128]; /* of the last magic link */
    char link_body[1024];
    char verify_body[256];
    const char *status_after_verify; /* NULL: ACTIVE */
    const char *status_after_link;   /* NULL: PENDING_AUTH for a new account */
    bool keeps_status;               /* disconnecting and deleting change nothing */
    char bodies[FAKE_BODIES][2048];  /* an answer is sent after the lock is given back */
    int body_count;
};

static inline int64_t read_shifted_wall(const struct gate_clock *clock) {
    const struct shifted_clock *shifted = (const struct shifted_clock *)clock;
    return gate_clock_wall_ms(&gate_clock_system) + atomic_load(&shifted->shift_ms);
}

static inline int64_t read_shifted_monotonic(const struct gate_clock *clock) {
    const struct shifted_clock *shifted = (const struct shifted_clock *)clock;
    return gate_clock_monotonic_ms(&gate_clock_system) + atomic_load(&shifted->shift_ms);
}

static inline void advance(struct world *world, int64_t ms) {
    atomic_fetch_add(&world->clock.shift_ms, ms);
}

/* ---- the fake; with the lock held ---- */

static inline struct fake_account *fake_find(struct world *world, const char *connection) {
    for (int i = 0; i < world->account_count; i++) {
        if (strcmp(world->accounts[i].connection, connection) == 0) {
            return &world->accounts[i];
        }
    }
    return NULL;
}

static inline void fake_set(struct world *world, const char *connection, const char *status) {
    struct fake_account *account = fake_find(world, connection);
    if (account == NULL) {
        account = &world->accounts[world->account_count++];
        *account = (struct fake_account){0};
        snprintf(account->connection, sizeof account->connection, "%s", connection);
    }
    snprintf(account->status, sizeof account->status, "%s", status);
    account->updated_s++;
}

static inline void fake_remove(struct world *world, const char *connection) {
    struct fake_account *account = fake_find(world, connection);
    if (account != NULL) {
        *account = world->accounts[--world->account_count];
    }
}

static inline int write_fake(char *to, size_t size, const struct fake_account *account) {
    return snprintf(to, size,
                    "{\"id\":\"ca_%s\",\"identifier\":\"ada\",\"connector\":\"%s\",\"status\":"
                    "\"%s\",\"authorization_type\":\"OAUTH\",\"updated_at\":"
                    "\"2026-03-01T12:00:%02dZ\"}",
                    account->connection, account->connection, account->status, account->updated_s);
}

static inline char *next_body(struct world *world) {
    return world->bodies[world->body_count++ % FAKE_BODIES];
}

static inline void answer_one(struct world *world, const struct fake_account *account,
                              struct gate_test_http_answer *answer) {
    if (account == NULL) {
        answer->status = 404;
        answer->body = "{\"code\":5,\"message\":\"no such account\"}";
        return;
    }
    char one[1024];
    char *body = next_body(world);
    write_fake(one, sizeof one, account);
    snprintf(body, sizeof world->bodies[0], "{\"connected_account\":%s}", one);
    answer->body = body;
}

static inline void answer_list(struct world *world, struct gate_test_http_answer *answer) {
    char *body = next_body(world);
    size_t size = sizeof world->bodies[0];
    size_t length = (size_t)snprintf(body, size, "{\"connected_accounts\":[");
    for (int i = 0; i < world->account_count; i++) {
        if (i > 0) {
            body[length++] = ',';
        }
        length += (size_t)write_fake(body + length, size - length, &world->accounts[i]);
    }
    snprintf(body + length, size - length, "]}");
    answer->body = body;
}

/* The value of a text member in a JSON body; good enough for bodies we wrote ourselves. */
static inline void take_member(const char *body, size_t length, const char *name, char *to,
                               size_t size) {
    char text[2048], key[64];
    snprintf(text, sizeof text, "%.*s", (int)length, body);
    snprintf(key, sizeof key, "\"%s\":\"", name);
    to[0] = '\0';
    const char *at = strstr(text, key);
    if (at != NULL) {
        snprintf(to, size, "%.*s", (int)strcspn(at + strlen(key), "\""), at + strlen(key));
    }
}

static inline void answer_link(struct world *world, const struct gate_test_http_request *request,
                               struct gate_test_http_answer *answer) {
    char connection[32];
    take_member(request->body, request->body_length, "connector", connection, sizeof connection);
    take_member(request->body, request->body_length, "state", world->state_text,
                sizeof world->state_text);
    snprintf(world->link_body, sizeof world->link_body, "%.*s", (int)request->body_length,
             request->body);
    if (world->status_after_link != NULL) {
        fake_set(world, connection, world->status_after_link);
    } else if (fake_find(world, connection) == NULL) {
        fake_set(world, connection, "PENDING_AUTH");
    }
    answer->body = "{\"link\":\"https://scalekit.example/magic/1\"}";
}

static inline void answer_verify(struct world *world, const struct gate_test_http_request *request,
                                 struct gate_test_http_answer *answer) {
    snprintf(world->verify_body, sizeof world->verify_body, "%.*s", (int)request->body_length,
             request->body);
    fake_set(world, "gmail",
             world->status_after_verify != NULL ? world->status_after_verify : "ACTIVE");
    answer->body = "{}";
}

static inline void take_query(const char *target, const char *name, char *to, size_t size) {
    char key[32];
    snprintf(key, sizeof key, "%s=", name);
    const char *at = strstr(target, key);
    to[0] = '\0';
    if (at != NULL) {
        snprintf(to, size, "%.*s", (int)strcspn(at + strlen(key), "&"), at + strlen(key));
    }
}

static inline void answer_ending(struct world *world, const struct gate_test_http_request *request,
                                 struct gate_test_http_answer *answer) {
    char connection[32];
    if (strstr(request->target, ":delete") != NULL) {
        world->count_delete++;
        take_member(request->body, request->body_length, "connector", connection,
                    sizeof connection);
        answer->body = "{}";
        if (fake_find(world, connection) == NULL) {
            answer_one(world, NULL, answer);
        } else if (!world->keeps_status) {
            fake_remove(world, connection);
        }
        return;
    }
    world->count_disconnect++;
    const char *id = strstr(request->target, "/ca_");
    snprintf(connection, sizeof connection, "%.*s", (int)strcspn(id + 4, ":"), id + 4);
    if (fake_find(world, connection) != NULL && !world->keeps_status) {
        fake_set(world, connection, "DISCONNECTED");
    }
    answer_one(world, fake_find(world, connection), answer);
}

static inline void answer_create(struct world *world, const struct gate_test_http_request *request,
                                 struct gate_test_http_answer *answer) {
    char connection[32];
    world->count_create++;
    snprintf(world->create_body, sizeof world->create_body, "%.*s", (int)request->body_length,
             request->body);
    take_member(request->body, request->body_length, "connector", connection, sizeof connection);
    if (fake_find(world, connection) != NULL) {
        answer->status = 409;
        answer->body = "{\"code\":6,\"message\":\"there is one\"}";
        return;
    }
    fake_set(world, connection, "PENDING_AUTH");
    answer_one(world, fake_find(world, connection), answer);
    answer->status = 201;
}

static inline void count_request(struct world *world, const char *target) {
    world->count_catalogue += strstr(target, "/connections/app") != NULL;
    world->count_list += strstr(target, "/connected_accounts?") != NULL;
    world->count_details += strstr(target, "/details") != NULL;
    world->count_link += strstr(target, "/magic_link") != NULL;
    world->count_verify += strstr(target, "/user/verify") != NULL;
}

static inline void answer_by_fake(struct world *world, const struct gate_test_http_request *request,
                                  struct gate_test_http_answer *answer) {
    const char *target = request->target;
    char connection[32];
    count_request(world, target);
    if (strstr(target, "/oauth/token") != NULL) {
        answer->body = "{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":3600}";
    } else if (strstr(target, "/connections/app") != NULL) {
        answer->body = world->catalogue;
    } else if (strstr(target, "/connected_accounts?") != NULL) {
        answer_list(world, answer);
    } else if (strstr(target, "/details") != NULL) {
        take_query(target, "connector", connection, sizeof connection);
        answer_one(world, fake_find(world, connection), answer);
    } else if (strstr(target, "/magic_link") != NULL) {
        answer_link(world, request, answer);
    } else if (strstr(target, "/user/verify") != NULL) {
        answer_verify(world, request, answer);
    } else if (gate_text_ends_with(target, "/connected_accounts")) {
        answer_create(world, request, answer);
    } else {
        answer_ending(world, request, answer);
    }
}

/* A fault with a status of its own stands for a request that was not carried out. */
static inline void answer_scripted(const struct gate_test_http_request *request,
                                   struct gate_test_http_answer *answer, void *state) {
    struct world *world = state;
    pthread_mutex_lock(&world->lock);
    const struct fault *found = NULL;
    for (int i = 0; i < world->fault_count && found == NULL; i++) {
        if (strstr(request->target, world->faults[i].part) != NULL) {
            found = &world->faults[i];
        }
    }
    if (found != NULL && found->answer.status != 0) {
        count_request(world, request->target);
        *answer = found->answer;
    } else {
        answer_by_fake(world, request, answer);
    }
    if (found != NULL && found->answer.status == 0) {
        answer->is_silent = found->answer.is_silent;
        answer->is_held = found->answer.is_held;
    }
    pthread_mutex_unlock(&world->lock);
}

/* ---- what tests say ---- */

static inline void has_account(struct world *world, const char *connection, const char *status) {
    pthread_mutex_lock(&world->lock);
    fake_set(world, connection, status);
    pthread_mutex_unlock(&world->lock);
}

static inline void lose_account(struct world *world, const char *connection) {
    pthread_mutex_lock(&world->lock);
    fake_remove(world, connection);
    pthread_mutex_unlock(&world->lock);
}

static inline void add_fault(struct world *world, const char *part,
                             struct gate_test_http_answer answer) {
    pthread_mutex_lock(&world->lock);
    world->faults[world->fault_count++] = (struct fault){part, answer};
    pthread_mutex_unlock(&world->lock);
}

static inline void fails(struct world *world, const char *part, int status) {
    add_fault(world, part,
              (struct gate_test_http_answer){.status = status, .body = "{\"message\":\"no\"}"});
}

static inline void heal(struct world *world) {
    pthread_mutex_lock(&world->lock);
    world->fault_count = 0;
    pthread_mutex_unlock(&world->lock);
}

/* What the last request of a kind said, for the test to keep. */
static inline const char *seen(struct world *world, const char *text) {
    pthread_mutex_lock(&world->lock);
    const char *copy = gate_arena_strdup(world->ctx->arena, text);
    pthread_mutex_unlock(&world->lock);
    return copy;
}

static inline void set_status(struct world *world, const char **field, const char *status) {
    pthread_mutex_lock(&world->lock);
    *field = status;
    pthread_mutex_unlock(&world->lock);
}

static inline int count_of(struct world *world, const int *count) {
    pthread_mutex_lock(&world->lock);
    int value = *count;
    pthread_mutex_unlock(&world->lock);
    return value;
}

/* ---- pieces of work ---- */

struct work {
    struct gate_ctx *ctx;
    enum gate_err err;
    bool is_done;
};

static inline void note_end(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct work *work = state;
    (void)ctx;
    work->err = err;
    work->is_done = true;
}

static inline void begin_work(struct world *world, struct work *work) {
    *work = (struct work){
        .ctx = gate_ctx_new(&world->clock.clock, world->queue, "test"),
        .err = GATE_ERR_INTERNAL,
    };
}

static inline enum gate_err wait_for(struct world *world, struct work *work) {
    gate_runqueue_run_until(world->queue, &work->is_done);
    return work->err;
}

static inline void end_work(struct work *work) {
    gate_ctx_free(work->ctx);
}

static inline enum gate_err do_nothing(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    (void)ctx;
    (void)tx;
    (void)state;
    return GATE_OK;
}

/* Run what comes back until nothing is under way: not in the net, nor in the store's queue, nor in
 * ours. */
static inline void settle(struct world *world) {
    for (int idle = 0; idle < 2; idle++) {
        while (gate_runqueue_run_one(world->queue)) {
            idle = 0;
        }
        while (gate_net_in_flight(world->net) > 0) {
            struct pollfd waiting = {.fd = gate_runqueue_fd(world->queue), .events = POLLIN};
            poll(&waiting, 1, 20);
            gate_runqueue_settle(world->queue);
            while (gate_runqueue_run_one(world->queue)) {
            }
            idle = 0;
        }
        /* What was queued before is committed by then. */
        assert_int_equal(gate_store_write_now(world->ctx, world->store, do_nothing, NULL), GATE_OK);
    }
}

static inline enum gate_err write_user(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct world *world = state;
    return gate_store_user_ensure(ctx, tx, "ada", gate_ctx_now_ms(ctx), &world->caller.user);
}

/* As the next request would see the caller. */
static inline void reread_user(struct world *world) {
    gate_store_tx *tx = gate_store_read_begin(world->store);
    assert_int_equal(
        gate_store_user_find(world->ctx, tx, world->caller.user.id, &world->caller.user), GATE_OK);
    gate_store_read_end(world->store, tx);
}

/* The recorded status on a connection, or NULL. */
static inline const char *recorded(struct world *world, const char *connection) {
    struct gate_account account;
    gate_store_tx *tx = gate_store_read_begin(world->store);
    enum gate_err err =
        gate_store_account_find(world->ctx, tx, world->caller.user.id, connection, &account);
    gate_store_read_end(world->store, tx);
    return err == GATE_OK ? gate_account_status_name(account.status) : NULL;
}

static inline enum gate_err need_catalogue(struct world *world) {
    struct work work;
    begin_work(world, &work);
    gate_portal_catalogue_need(work.ctx, world->portal, note_end, &work);
    enum gate_err err = wait_for(world, &work);
    end_work(&work);
    return err;
}

static inline enum gate_err need_accounts(struct world *world) {
    struct work work;
    reread_user(world);
    begin_work(world, &work);
    gate_portal_accounts_need(work.ctx, world->portal, &world->caller.user, note_end, &work);
    enum gate_err err = wait_for(world, &work);
    end_work(&work);
    return err;
}

static inline enum gate_err list_connectors(struct world *world, struct work *work,
                                            struct gate_connector_list *ret_list) {
    reread_user(world);
    begin_work(world, work);
    gate_portal_connectors_list(work->ctx, world->portal, &world->caller, ret_list, note_end, work);
    return wait_for(world, work);
}

/* ---- set up ---- */

static inline void make_portal(struct world *world) {
    struct gate_error error = {0};
    const struct gate_store_options store_options = {.path = world->database,
                                                     .clock = &world->clock.clock};
    assert_int_equal(gate_store_open(&store_options, &error, &world->store), GATE_OK);
    const struct gate_net_options net_options = {.ca_file = GATE_TEST_AUTHORITY,
                                                 .connections_max = 4,
                                                 .in_flight_max = 100,
                                                 .clock = &world->clock.clock};
    assert_int_equal(gate_net_new(&net_options, &error, &world->net), GATE_OK);
    world->scalekit = gate_scalekit_new(
        &(struct gate_scalekit_options){.url = gate_test_server_url(world->server),
                                        .client_id = "skc_1",
                                        .client_secret = world->secret,
                                        .net = world->net,
                                        .clock = &world->clock.clock,
                                        .runqueue = world->queue});
    world->portal = gate_portal_new(&(struct gate_portal_parts){.config = &world->config,
                                                                .store = world->store,
                                                                .net = world->net,
                                                                .scalekit = world->scalekit,
                                                                .clock = &world->clock.clock,
                                                                .runqueue = world->queue});
}

static inline int open_world(void **state) {
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    pthread_mutex_init(&world->lock, NULL);
    gate_log_open(GATE_LOG_ERROR, STDERR_FILENO);
    snprintf(world->directory, sizeof world->directory, "/tmp/gate-portal-XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    snprintf(world->database, sizeof world->database, "%s/gate.db", world->directory);
    world->catalogue = FAKE_CATALOGUE;
    world->clock.clock = (struct gate_clock){read_shifted_wall, read_shifted_monotonic};
    world->server = gate_test_server_new(answer_scripted, world);
    world->queue = gate_runqueue_new();
    world->secret = gate_secret_new("0123456789abcdef0123456789abcdef", 32);
    world->return_origins[0] = "https://agent.example";
    world->config = (struct gate_config){
        .public_url = "https://portal.example",
        .public_is_https = true,
        .return_origins = world->return_origins,
        .secret = world->secret,
        .catalogue_max_age_ms = 60000,
        .account_max_age_ms = 5000,
        .authorization_ttl_ms = 600000,
    };
    make_portal(world);
    world->ctx = gate_ctx_new(&world->clock.clock, world->queue, "test");
    world->caller.kind = GATE_CALLER_BROWSER;
    world->caller.has_user = true;
    assert_int_equal(gate_store_write_now(world->ctx, world->store, write_user, world), GATE_OK);
    *state = world;
    return 0;
}

static inline int close_world(void **state) {
    static const char *const endings[] = {"", "-wal", "-shm"};
    struct world *world = *state;
    gate_test_server_release(world->server);
    settle(world);
    gate_portal_free(world->portal);
    gate_net_free(world->net);
    gate_scalekit_free(world->scalekit);
    gate_store_close(world->store);
    gate_test_server_free(world->server);
    gate_ctx_free(world->ctx);
    gate_runqueue_free(world->queue);
    gate_secret_free(world->secret);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", world->database, endings[i]);
        unlink(name);
    }
    rmdir(world->directory);
    pthread_mutex_destroy(&world->lock);
    free(world);
    return 0;
}

#define world_test(function) cmocka_unit_test_setup_teardown(function, open_world, close_world)

#endif
