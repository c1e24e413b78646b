#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "core/text.h"
#include "core/timestamp.h"
#include "store/notice.h"

static const char *show_time(struct gate_cli *cli, int64_t at_ms) {
    return at_ms == 0 ? "never" : gate_timestamp_format(cli->ctx->arena, at_ms);
}

static enum gate_err list_targets(struct gate_cli *cli, struct gate_notice_target **ret_targets,
                                  size_t *ret_count) {
    gate_store_tx *tx = gate_store_read_begin(cli->store);
    enum gate_err err = gate_store_notice_target_list(cli->ctx, tx, ret_targets, ret_count);
    gate_store_read_end(cli->store, tx);
    return err;
}

static void print_target(struct gate_cli *cli, const struct gate_notice_target *target) {
    const char *state = target->disabled_at != 0     ? "disabled"
                        : target->failing_since != 0 ? "failing"
                                                     : "well";
    printf("%s\t%s\twaiting %lld\tlast delivered %s\tdropped %lld\n", target->url, state,
           (long long)target->pending, show_time(cli, target->delivered_at),
           (long long)target->dropped);
    if (target->failing_since != 0) {
        printf("\tfailing since %s, %lld attempts, last: %s\n",
               show_time(cli, target->failing_since), (long long)target->attempts,
               target->last_error == NULL ? "-" : target->last_error);
    }
    if (target->disabled_at != 0) {
        printf("\tdisabled since %s; webhooks resume ends that\n",
               show_time(cli, target->disabled_at));
    } else if (target->failing_since != 0) {
        printf("\tnext attempt %s\n", show_time(cli, target->next_at));
    }
}

int gate_cli_webhooks_list_run(struct gate_cli *cli, char **arguments) {
    (void)arguments;
    struct gate_notice_target *targets;
    size_t count = 0;
    enum gate_err err = list_targets(cli, &targets, &count);
    if (err != GATE_OK) {
        return gate_cli_complain(cli, "webhooks list", err);
    }
    for (size_t i = 0; i < count; i++) {
        print_target(cli, &targets[i]);
    }
    if (count == 0) {
        printf("Nobody is told anything: set GATEHOUSE_WEBHOOK_URLS and start the service.\n");
    }
    return 0;
}

struct waking {
    int64_t target_id;
    bool resumes;
    bool changed;
};

static enum gate_err wake(struct gate_ctx *ctx, gate_store_tx *tx, void *state) {
    struct waking *waking = state;
    return gate_store_notice_target_wake(ctx, tx, waking->target_id, waking->resumes,
                                         &waking->changed);
}

static int wake_target(struct gate_cli *cli, const char *what, bool resumes,
                       const struct gate_notice_target *target) {
    struct waking waking = {.target_id = target->id, .resumes = resumes};
    enum gate_err err = gate_store_write_now(cli->ctx, cli->store, wake, &waking);
    if (err != GATE_OK) {
        return gate_cli_complain(cli, what, err);
    }
    if (waking.changed) {
        printf("%s is tried again now; %lld notices wait for it.\n", target->url,
               (long long)target->pending);
    } else if (target->disabled_at != 0) {
        printf("%s is disabled; webhooks resume ends that. Nothing was changed.\n", target->url);
    } else {
        printf("%s is well; nothing was changed.\n", target->url);
    }
    return 0;
}

/* All targets, or the one that the arguments name. */
static int wake_targets(struct gate_cli *cli, const char *what, bool resumes, char **arguments) {
    struct gate_notice_target *targets;
    size_t count = 0;
    bool found = arguments[0] == NULL;
    if (arguments[0] != NULL && arguments[1] != NULL) {
        fprintf(stderr, "gatehousectl: %s takes one URL, as webhooks list shows it, or none\n",
                what);
        return 2;
    }
    enum gate_err err = list_targets(cli, &targets, &count);
    if (err != GATE_OK) {
        return gate_cli_complain(cli, what, err);
    }
    int status = 0;
    for (size_t i = 0; i < count; i++) {
        if (arguments[0] == NULL || gate_text_equal(arguments[0], targets[i].url)) {
            status |= wake_target(cli, what, resumes, &targets[i]);
            found = true;
        }
    }
    if (!found) {
        err = gate_fail(cli->ctx, GATE_ERR_NOT_FOUND, "there is no target %s", arguments[0]);
        return gate_cli_complain(cli, what, err);
    }
    return status;
}

int gate_cli_webhooks_retry_run(struct gate_cli *cli, char **arguments) {
    return wake_targets(cli, "webhooks retry", false, arguments);
}

int gate_cli_webhooks_resume_run(struct gate_cli *cli, char **arguments) {
    return wake_targets(cli, "webhooks resume", true, arguments);
}
