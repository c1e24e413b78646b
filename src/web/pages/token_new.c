#include <string.h>

#include "core/text.h"
#include "portal/connectors.h"
#include "portal/token.h"
#include "view/templates.gen.h"
#include "web/page.h"
#include "web/pages/pages.h"
#include "web/pages/token_words.h"
#include "web/problem.h"
#include "web/route.h"
#include "web/state.h"

#define TOKENS_URL "/tokens"
#define NEW_TITLE "Make an access key"
#define DAY_MS (24LL * 60 * 60 * 1000)
#define EVERYTHING "*"

/* What the form has, or had when it was sent. */
struct token_form {
    struct gate_request *request;
    const char *label;
    const char *may;    /* "see", "run" or "end" */
    const char *reach;  /* "all" or "chosen" */
    const char *tools;  /* "": all */
    const char *direct; /* "no", "read" or "write" */
    const char *days;   /* "30", "90", "365" or "never" */

    const char *problem; /* why it is shown again; NULL: it is new */
    int status;
    struct gate_connector_list connectors;

    struct gate_token_wish wish;
    const char *text;
    const char *public_id;
};

static struct token_form *make_form(struct gate_request *request) {
    struct token_form *form = gate_arena_make(request->ctx->arena, struct token_form);
    *form = (struct token_form){
        .request = request,
        .label = "",
        .may = "see",
        .reach = "chosen",
        .tools = "",
        .direct = "no",
        .days = "90",
        .status = 200,
    };
    return form;
}

/* ---- the form ---- */

/* A name with one of the characters that rules are made of cannot be said in one. */
static bool can_be_a_rule(const char *connection_name) {
    size_t length = strlen(connection_name);
    return length > 0 && length <= GATE_IDENTIFIER_MAX_BYTES &&
           strcspn(connection_name, " *") == length && *connection_name != GATE_RULE_DENY;
}

static bool is_ticked(const struct gate_request *request, const char *connection_name) {
    for (size_t i = 0; i < request->form.count; i++) {
        if (strcmp(request->form.items[i].name, "connection") == 0 &&
            strcmp(request->form.items[i].value, connection_name) == 0) {
            return true;
        }
    }
    return false;
}

/* Returns whether it is ticked. */
static bool show_choice(const struct token_form *form, gate_view_dict *choice,
                        const struct gate_connector *connector) {
    bool ticked = is_ticked(form->request, connector->name);
    gate_view_set(choice, GATE_M_TOKEN_NEW_CONNECTION, connector->name);
    gate_view_set(choice, GATE_M_TOKEN_NEW_NAME, connector->display_name);
    if (ticked) {
        gate_view_show_section(choice, GATE_M_TOKEN_NEW_CHECKED);
    }
    return ticked;
}

/* What the person uses comes first; what they might use some day is folded away. */
static void show_choices(const struct token_form *form, gate_view_dict *body) {
    gate_view_dict *others = NULL;
    int other_count = 0;
    bool ticked = false;
    for (size_t i = 0; i < form->connectors.count; i++) {
        const struct gate_connector *connector = &form->connectors.items[i];
        if (!can_be_a_rule(connector->name)) {
            continue;
        }
        if (connector->has_account) {
            (void)show_choice(form, gate_view_add_section(body, GATE_M_TOKEN_NEW_MINE), connector);
            continue;
        }
        if (others == NULL) {
            others = gate_view_add_section(body, GATE_M_TOKEN_NEW_OTHERS);
        }
        other_count++;
        ticked |=
            show_choice(form, gate_view_add_section(others, GATE_M_TOKEN_NEW_OTHER), connector);
    }
    if (others != NULL) {
        gate_view_set_integer(others, GATE_M_TOKEN_NEW_COUNT, other_count);
        if (ticked || other_count == (int)form->connectors.count) {
            gate_view_show_section(others, GATE_M_TOKEN_NEW_OTHERS_OPEN);
        }
    }
    if (form->connectors.count > GATE_TOKEN_CHOICES_MAX) {
        gate_view_dict *many = gate_view_add_section(body, GATE_M_TOKEN_NEW_MANY);
        gate_view_set_integer(many, GATE_M_TOKEN_NEW_MOST, GATE_TOKEN_CHOICES_MAX);
    }
}

static const char *choose_days_section(const char *days) {
    if (strcmp(days, "30") == 0) {
        return GATE_M_TOKEN_NEW_DAYS_30;
    }
    if (strcmp(days, "365") == 0) {
        return GATE_M_TOKEN_NEW_DAYS_365;
    }
    return strcmp(days, "never") == 0 ? GATE_M_TOKEN_NEW_DAYS_NEVER : GATE_M_TOKEN_NEW_DAYS_90;
}

static const char *choose_may_section(const char *may) {
    if (strcmp(may, "run") == 0) {
        return GATE_M_TOKEN_NEW_MAY_RUN;
    }
    return strcmp(may, "end") == 0 ? GATE_M_TOKEN_NEW_MAY_END : GATE_M_TOKEN_NEW_MAY_SEE;
}

static const char *choose_direct_section(const char *direct) {
    if (strcmp(direct, "write") == 0) {
        return GATE_M_TOKEN_NEW_DIRECT_WRITE;
    }
    return strcmp(direct, "read") == 0 ? GATE_M_TOKEN_NEW_DIRECT_READ : GATE_M_TOKEN_NEW_DIRECT_NO;
}

static void show_form(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct token_form *form = state;
    struct gate_request *request = form->request;
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    const char *title = form->problem == NULL ? NEW_TITLE : "Please look again: " NEW_TITLE;
    struct gate_page page = gate_page_begin(request, GATE_TPL_TOKEN_NEW, title);
    gate_view_set(page.body, GATE_M_TOKEN_NEW_BACK_URL, TOKENS_URL);
    gate_view_set(page.body, GATE_M_TOKEN_NEW_ACTION_URL, TOKENS_URL);
    if (form->problem != NULL) {
        gate_view_dict *problem = gate_view_add_section(page.body, GATE_M_TOKEN_NEW_PROBLEM);
        gate_view_set(problem, GATE_M_TOKEN_NEW_PROBLEM_TEXT, form->problem);
    }
    gate_view_set(page.body, GATE_M_TOKEN_NEW_LABEL, form->label);
    gate_view_set(page.body, GATE_M_TOKEN_NEW_TOOLS, form->tools);
    gate_view_show_section(page.body, choose_may_section(form->may));
    bool all = strcmp(form->reach, "all") == 0;
    gate_view_show_section(page.body,
                           all ? GATE_M_TOKEN_NEW_REACH_ALL : GATE_M_TOKEN_NEW_REACH_CHOSEN);
    gate_view_show_section(page.body, choose_days_section(form->days));
    if (*form->tools != '\0') {
        gate_view_show_section(page.body, GATE_M_TOKEN_NEW_TOOLS_OPEN);
    }
    gate_view_show_section(page.body, choose_direct_section(form->direct));
    if (strcmp(form->direct, "no") != 0) {
        gate_view_show_section(page.body, GATE_M_TOKEN_NEW_DIRECT_OPEN);
    }
    show_choices(form, page.body);
    (void)ctx;
    gate_page_finish(request, &page, form->status);
}

static void list_connectors(struct token_form *form) {
    struct gate_request *request = form->request;
    gate_portal_connectors_list(request->ctx, request->web->options.portal, &request->caller,
                                &form->connectors, show_form, form);
}

void gate_page_token_new_handle(struct gate_request *request) {
    list_connectors(make_form(request));
}

/* ---- making one ---- */

/* Say what is wrong above the form, which keeps what was filled in. */
static void show_again(struct token_form *form, enum gate_err err) {
    struct gate_ctx *ctx = form->request->ctx;
    form->problem = gate_arena_strdup(ctx->arena, ctx->error.message);
    form->status = gate_problem_status(err);
    gate_error_clear(&ctx->error);
    list_connectors(form);
}

static void show_made(struct gate_ctx *ctx, enum gate_err err, void *state) {
    struct token_form *form = state;
    struct gate_request *request = form->request;
    if (err == GATE_ERR_INPUT || err == GATE_ERR_TOO_LARGE) {
        show_again(form, err);
        return;
    }
    if (err != GATE_OK) {
        gate_request_fail(request, err);
        return;
    }
    const struct gate_token token = {
        .scopes = form->wish.scopes,
        .connections = form->wish.connections,
        .tools = form->wish.tools,
        .expires_at = form->wish.expires_at,
    };
    const struct gate_token_words words =
        gate_token_words_make(ctx->arena, &token, gate_ctx_now_ms(ctx));
    struct gate_page page = gate_page_begin(request, GATE_TPL_TOKEN_MADE, "Copy your access key");
    gate_view_set(page.body, GATE_M_TOKEN_MADE_NAME, form->label);
    gate_view_set(page.body, GATE_M_TOKEN_MADE_KEY, form->text);
    gate_view_set(page.body, GATE_M_TOKEN_MADE_PREFIX,
                  gate_arena_strndup(ctx->arena, form->text, 4));
    gate_view_set(page.body, GATE_M_TOKEN_MADE_MAY, words.may);
    gate_view_set(page.body, GATE_M_TOKEN_MADE_WHERE, words.where);
    gate_view_set(page.body, GATE_M_TOKEN_MADE_ENDS, words.ends);
    gate_view_set(page.body, GATE_M_TOKEN_MADE_API_URL, request->web->options.config->public_url);
    gate_view_set(page.body, GATE_M_TOKEN_MADE_BACK_URL, TOKENS_URL);
    if (words.tools != NULL) {
        gate_view_dict *tools = gate_view_add_section(page.body, GATE_M_TOKEN_MADE_TOOLS);
        gate_view_set(tools, GATE_M_TOKEN_MADE_TOOLS, words.tools);
    }
    gate_page_finish(request, &page, 200);
}

/* The ticked connections as a list of rules. */
static enum gate_err read_choices(struct token_form *form, const char **ret_rules) {
    struct gate_ctx *ctx = form->request->ctx;
    const struct gate_fields *fields = &form->request->form;
    const char *rules = "";
    int count = 0;
    for (size_t i = 0; i < fields->count; i++) {
        const struct gate_field *field = &fields->items[i];
        if (strcmp(field->name, "connection") != 0) {
            continue;
        }
        if (!can_be_a_rule(field->value)) {
            return gate_fail(ctx, GATE_ERR_INPUT,
                             "One of the connectors has a name that cannot be chosen by itself.");
        }
        rules =
            gate_arena_printf(ctx->arena, "%s%s%s", rules, count++ == 0 ? "" : " ", field->value);
    }
    if (count == 0) {
        return gate_fail(ctx, GATE_ERR_INPUT,
                         "Choose at least one connector, or all of them: as it is, the key could "
                         "do nothing.");
    }
    if (count > GATE_TOKEN_CHOICES_MAX) {
        return gate_fail(ctx, GATE_ERR_INPUT, "Choose at most %d connectors, or all of them.",
                         GATE_TOKEN_CHOICES_MAX);
    }
    *ret_rules = rules;
    return GATE_OK;
}

static enum gate_err read_days(struct token_form *form, int64_t *ret_expires_at) {
    static const struct {
        const char *word;
        int64_t days;
    } choices[] = {{"30", 30}, {"90", 90}, {"365", 365}};
    struct gate_ctx *ctx = form->request->ctx;
    if (strcmp(form->days, "never") == 0) {
        *ret_expires_at = 0;
        return GATE_OK;
    }
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        if (strcmp(form->days, choices[i].word) == 0) {
            *ret_expires_at = gate_ctx_now_ms(ctx) + choices[i].days * DAY_MS;
            return GATE_OK;
        }
    }
    return gate_fail(ctx, GATE_ERR_INPUT, "Choose how long the key is to work.");
}

/* NULL: none of the choices. */
static const char *choose_scopes(const char *may) {
    static const struct {
        const char *word;
        const char *scopes;
    } choices[] = {
        {"see", GATE_SCOPE_READ},
        {"run", GATE_SCOPE_READ " " GATE_SCOPE_EXECUTE},
        {"end", GATE_SCOPE_READ " " GATE_SCOPE_EXECUTE " " GATE_SCOPE_ACCOUNTS},
    };
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        if (strcmp(may, choices[i].word) == 0) {
            return choices[i].scopes;
        }
    }
    return NULL;
}

/* What the key may do beyond the tools, added to what it may do with them. */
static enum gate_err add_direct(struct token_form *form) {
    struct gate_ctx *ctx = form->request->ctx;
    const char *added = "";
    if (strcmp(form->direct, "read") == 0) {
        added = " " GATE_SCOPE_PROXY_READ;
    } else if (strcmp(form->direct, "write") == 0) {
        added = " " GATE_SCOPE_PROXY_READ " " GATE_SCOPE_PROXY_WRITE;
    } else if (*form->direct != '\0' && strcmp(form->direct, "no") != 0) {
        return gate_fail(ctx, GATE_ERR_INPUT, "Choose whether the key may call apps directly.");
    }
    if (strcmp(form->direct, "write") == 0 && strcmp(form->may, "see") == 0) {
        return gate_fail(ctx, GATE_ERR_INPUT,
                         "A key that may only look cannot change things in the apps directly.");
    }
    form->wish.scopes = gate_arena_printf(ctx->arena, "%s%s", form->wish.scopes, added);
    return GATE_OK;
}

static enum gate_err read_wish(struct token_form *form) {
    struct gate_ctx *ctx = form->request->ctx;
    struct gate_token_wish *wish = &form->wish;
    wish->kind = GATE_TOKEN_PERSONAL;
    wish->owner_user_id = form->request->caller.user.id;
    wish->label = form->label;
    wish->scopes = choose_scopes(form->may);
    wish->connections = EVERYTHING;
    wish->tools = strspn(form->tools, " ") == strlen(form->tools) ? EVERYTHING : form->tools;
    if (*form->label == '\0') {
        return gate_fail(ctx, GATE_ERR_INPUT, "Give the key a name.");
    }
    if (strlen(form->label) > GATE_LABEL_MAX_BYTES) {
        return gate_fail(ctx, GATE_ERR_INPUT, "The name is too long: a few words are enough.");
    }
    if (wish->scopes == NULL) {
        return gate_fail(ctx, GATE_ERR_INPUT, "Choose what the key may do.");
    }
    bool all = strcmp(form->reach, "all") == 0;
    if (!all && strcmp(form->reach, "chosen") != 0) {
        return gate_fail(ctx, GATE_ERR_INPUT, "Choose which connectors the key may use.");
    }
    enum gate_err err = all ? GATE_OK : read_choices(form, &wish->connections);
    err = err != GATE_OK ? err : add_direct(form);
    return err != GATE_OK ? err : read_days(form, &wish->expires_at);
}

static const char *read_field(const struct gate_request *request, const char *name) {
    const char *value = gate_request_form(request, name);
    return value == NULL ? "" : value;
}

void gate_page_token_make_handle(struct gate_request *request) {
    struct token_form *form = make_form(request);
    form->label = read_field(request, "label");
    form->may = read_field(request, "may");
    form->reach = read_field(request, "reach");
    form->tools = read_field(request, "tools");
    form->direct = read_field(request, "direct");
    form->days = read_field(request, "days");
    enum gate_err err = read_wish(form);
    if (err != GATE_OK) {
        show_again(form, err);
        return;
    }
    gate_portal_token_make(request->ctx, request->web->options.portal, &form->wish, &form->text,
                           &form->public_id, show_made, form);
}
