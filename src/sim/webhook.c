#include "sim/webhook.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/encoding.h"
#include "core/log.h"
#include "core/text.h"
#include "crypto/digest.h"
#include "net/net.h"
#include "sim/world.h"
#include "json/writer.h"

#define ENVIRONMENT_ID "env_88640229614813449"
#define SECRET_PREFIX "whsec_"
#define DELIVERY_TIMEOUT_MS 5000
#define ATTEMPTS_MAX 3

struct event {
    struct event *next;
    char id[40];
    char *body;
};

struct gate_sim_webhooks {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct event *first;
    struct event *last;
    size_t waiting;
    bool stopping;

    pthread_t thread;
    gate_runqueue *runqueue;
    gate_net *net;
    const char *url;
    gate_arena *arena; /* owns the key */
    unsigned char *key;
    size_t key_length;
};

struct delivery {
    bool done;
    enum gate_err err;
    struct gate_net_response response;
};

static void finish_delivery(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    struct delivery *delivery = state;
    delivery->err = err;
    delivery->done = true;
}

/* "v1,<base64>" over "<id>.<timestamp>.<body>". */
static const char *sign_event(const gate_sim_webhooks *webhooks, gate_arena *arena,
                              const struct event *event, const char *timestamp) {
    const char *text = gate_arena_printf(arena, "%s.%s.%s", event->id, timestamp, event->body);
    struct gate_digest mac =
        gate_hmac_make(webhooks->key, webhooks->key_length, text, strlen(text));
    return gate_arena_printf(arena, "v1,%s",
                             gate_base64_format(arena, mac.bytes, sizeof mac.bytes));
}

/* Starting a transfer happens under the lock, so that none starts once the engine is being freed.
 */
static bool start_delivery(gate_sim_webhooks *webhooks, struct gate_ctx *ctx,
                           const struct gate_net_request *request, struct delivery *delivery) {
    pthread_mutex_lock(&webhooks->lock);
    bool started = !webhooks->stopping;
    if (started) {
        gate_net_fetch(ctx, webhooks->net, request, &delivery->response, finish_delivery, delivery);
    }
    pthread_mutex_unlock(&webhooks->lock);
    return started;
}

static bool deliver_once(gate_sim_webhooks *webhooks, const struct event *event) {
    struct gate_ctx *ctx = gate_ctx_new(&gate_clock_system, webhooks->runqueue, event->id);
    const char *timestamp =
        gate_arena_printf(ctx->arena, "%lld", (long long)(gate_ctx_now_ms(ctx) / 1000));
    const struct gate_net_header headers[] = {
        {"Content-Type", "application/json"},
        {"webhook-id", event->id},
        {"webhook-timestamp", timestamp},
        {"webhook-signature", sign_event(webhooks, ctx->arena, event, timestamp)},
    };
    const struct gate_net_request request = {
        .method = "POST",
        .url = webhooks->url,
        .headers = headers,
        .header_count = sizeof headers / sizeof headers[0],
        .body = event->body,
        .body_length = strlen(event->body),
        .timeout_ms = DELIVERY_TIMEOUT_MS,
        .max_response_bytes = 65536,
    };
    struct delivery *delivery = gate_arena_make(ctx->arena, struct delivery);
    bool accepted = false;
    if (start_delivery(webhooks, ctx, &request, delivery)) {
        gate_runqueue_run_until(webhooks->runqueue, &delivery->done);
        accepted = delivery->err == GATE_OK && delivery->response.status / 100 == 2;
    }
    gate_ctx_free(ctx);
    return accepted;
}

/* False when it is time to stop. */
static bool pause_sender(gate_sim_webhooks *webhooks, int seconds) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    pthread_mutex_lock(&webhooks->lock);
    int waited = 0;
    while (!webhooks->stopping && waited == 0) {
        waited = pthread_cond_timedwait(&webhooks->changed, &webhooks->lock, &until);
    }
    bool go_on = !webhooks->stopping;
    pthread_mutex_unlock(&webhooks->lock);
    return go_on;
}

static void deliver_event(gate_sim_webhooks *webhooks, const struct event *event) {
    for (int attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
        if (deliver_once(webhooks, event)) {
            return;
        }
        if (attempt < ATTEMPTS_MAX && !pause_sender(webhooks, attempt * attempt)) {
            return;
        }
    }
    gate_log_write(GATE_LOG_WARN, "webhook_dropped", GATE_LOG_TEXT("id", event->id));
}

static void free_event(struct event *event) {
    free(event->body);
    free(event);
}

/* The next event, or NULL when it is time to stop. */
static struct event *take_event(gate_sim_webhooks *webhooks) {
    pthread_mutex_lock(&webhooks->lock);
    while (webhooks->first == NULL && !webhooks->stopping) {
        pthread_cond_wait(&webhooks->changed, &webhooks->lock);
    }
    struct event *event = webhooks->stopping ? NULL : webhooks->first;
    if (event != NULL) {
        webhooks->first = event->next;
        webhooks->last = event->next == NULL ? NULL : webhooks->last;
        webhooks->waiting--;
    }
    pthread_mutex_unlock(&webhooks->lock);
    return event;
}

static void *run_sender(void *state) {
    gate_sim_webhooks *webhooks = state;
    struct event *event;
    while ((event = take_event(webhooks)) != NULL) {
        deliver_event(webhooks, event);
        free_event(event);
    }
    return NULL;
}

static enum gate_err parse_secret(gate_sim_webhooks *webhooks, const char *secret) {
    if (!gate_text_starts_with(secret, SECRET_PREFIX)) {
        return GATE_ERR_CONFIG;
    }
    const char *encoded = secret + strlen(SECRET_PREFIX);
    return gate_base64_parse(webhooks->arena, encoded, strlen(encoded), &webhooks->key,
                             &webhooks->key_length);
}

static void release(gate_sim_webhooks *webhooks) {
    gate_net_free(webhooks->net);
    gate_runqueue_free(webhooks->runqueue);
    gate_arena_free(webhooks->arena);
    free(webhooks);
}

enum gate_err gate_sim_webhooks_new(const char *url, const char *secret, struct gate_error *error,
                                    gate_sim_webhooks **ret_webhooks) {
    gate_sim_webhooks *webhooks = calloc(1, sizeof *webhooks);
    if (webhooks == NULL) {
        abort();
    }
    const struct gate_net_options options = {
        .connections_max = 1, .in_flight_max = 4, .clock = &gate_clock_system};
    webhooks->url = url;
    webhooks->arena = gate_arena_new();
    webhooks->runqueue = gate_runqueue_new();
    enum gate_err err = GATE_ERR_CONFIG;
    if (parse_secret(webhooks, secret) != GATE_OK) {
        gate_error_set_at(error, __FILE__, __LINE__, GATE_ERR_CONFIG,
                          "the webhook secret is not whsec_ and base64");
    } else {
        err = gate_net_new(&options, error, &webhooks->net);
    }
    if (err != GATE_OK) {
        release(webhooks);
        return err;
    }
    pthread_mutex_init(&webhooks->lock, NULL);
    pthread_cond_init(&webhooks->changed, NULL);
    if (pthread_create(&webhooks->thread, NULL, run_sender, webhooks) != 0) {
        abort();
    }
    *ret_webhooks = webhooks;
    return GATE_OK;
}

void gate_sim_webhooks_free(gate_sim_webhooks *webhooks) {
    if (webhooks == NULL) {
        return;
    }
    pthread_mutex_lock(&webhooks->lock);
    webhooks->stopping = true;
    pthread_cond_signal(&webhooks->changed);
    pthread_mutex_unlock(&webhooks->lock);
    gate_net_free(webhooks->net); /* ends the delivery in flight, which the sender waits for */
    webhooks->net = NULL;
    pthread_join(webhooks->thread, NULL);
    while (webhooks->first != NULL) {
        struct event *event = webhooks->first;
        webhooks->first = event->next;
        free_event(event);
    }
    pthread_cond_destroy(&webhooks->changed);
    pthread_mutex_destroy(&webhooks->lock);
    release(webhooks);
}

static void write_account(struct gate_json_writer *writer, const struct gate_sim_account *account,
                          enum gate_account_status old_status) {
    gate_json_open_object(writer, "data");
    gate_json_write_text(writer, "id", account->id);
    gate_json_write_text(writer, "identifier", account->identifier);
    gate_json_write_text(writer, "connection_id", account->connection->id);
    gate_json_write_text(writer, "connection_name", account->connection->name);
    gate_json_write_text(writer, "provider", account->connection->provider);
    gate_json_write_text(writer, "authorization_type",
                         gate_sim_connection_authorization_type(account->connection));
    gate_json_write_text(writer, "status", gate_account_status_name(account->status));
    if (old_status != GATE_ACCOUNT_UNKNOWN) {
        gate_json_write_text(writer, "old_status", gate_account_status_name(old_status));
    } else if (account->token_expires_ms != 0) {
        gate_json_write_time(writer, "token_expires_at", account->token_expires_ms);
    }
    gate_json_close_object(writer);
}

static char *format_event(const char *id, const char *type, const struct gate_sim_account *account,
                          enum gate_account_status old_status) {
    struct gate_buffer buffer;
    struct gate_json_writer writer;
    gate_buffer_init(&buffer, 65536);
    gate_json_writer_init(&writer, &buffer);
    gate_json_open_object(&writer, NULL);
    gate_json_write_text(&writer, "spec_version", "1");
    gate_json_write_text(&writer, "id", id);
    gate_json_write_text(&writer, "type", type);
    gate_json_write_text(&writer, "object", "ConnectedAccount");
    gate_json_write_time(&writer, "occurred_at", account->updated_ms);
    gate_json_write_text(&writer, "environment_id", ENVIRONMENT_ID);
    write_account(&writer, account, old_status);
    gate_json_close_object(&writer);
    char *body = strdup(gate_buffer_text(&buffer));
    gate_buffer_done(&buffer);
    return body;
}

void gate_sim_webhook_account(struct gate_sim_world *world, const char *type,
                              const struct gate_sim_account *account,
                              enum gate_account_status old_status) {
    gate_sim_webhooks *webhooks = world->webhooks;
    struct event *event = webhooks == NULL ? NULL : calloc(1, sizeof *event);
    if (event == NULL) {
        return;
    }
    gate_sim_world_number(world, "evt_", event->id, sizeof event->id);
    event->body = format_event(event->id, type, account, old_status);
    pthread_mutex_lock(&webhooks->lock);
    bool fits = webhooks->waiting < GATE_SIM_WEBHOOK_QUEUE_MAX && event->body != NULL;
    if (fits) {
        *(webhooks->last == NULL ? &webhooks->first : &webhooks->last->next) = event;
        webhooks->last = event;
        webhooks->waiting++;
        pthread_cond_signal(&webhooks->changed);
    }
    pthread_mutex_unlock(&webhooks->lock);
    if (!fits) {
        free_event(event);
    }
}
