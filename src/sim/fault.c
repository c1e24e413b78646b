#include "sim/fault.h"

#include <string.h>

#include "core/text.h"
#include "sim/answer.h"

static const char *const kind_words[GATE_SIM_FAULT_COUNT_] = {
    [GATE_SIM_FAULT_NONE] = "none",       [GATE_SIM_FAULT_HANG] = "hang",
    [GATE_SIM_FAULT_CUT] = "cut",         [GATE_SIM_FAULT_RESET] = "reset",
    [GATE_SIM_FAULT_RUBBISH] = "rubbish", [GATE_SIM_FAULT_HTML] = "html",
    [GATE_SIM_FAULT_EMPTY] = "empty",     [GATE_SIM_FAULT_HUGE] = "huge",
};

enum gate_sim_fault_kind gate_sim_fault_kind_parse(const char *word) {
    for (int kind = 0; kind < GATE_SIM_FAULT_COUNT_; kind++) {
        if (gate_text_equal(kind_words[kind], word)) {
            return (enum gate_sim_fault_kind)kind;
        }
    }
    return word == NULL ? GATE_SIM_FAULT_NONE : GATE_SIM_FAULT_COUNT_;
}

static bool matches_request(const struct gate_sim_fault *fault,
                            const struct gate_sim_exchange *exchange) {
    gate_arena *arena = exchange->ctx->arena;
    return (fault->method[0] == '\0' || gate_text_equal(fault->method, exchange->method)) &&
           gate_text_matches(gate_arena_printf(arena, "%s*", fault->match), exchange->raw_path);
}

const struct gate_sim_fault *gate_sim_faults_take(struct gate_sim_faults *faults,
                                                  const struct gate_sim_exchange *exchange) {
    for (size_t i = 0; i < faults->count; i++) {
        struct gate_sim_fault *fault = &faults->items[i];
        if (!matches_request(fault, exchange)) {
            continue;
        }
        struct gate_sim_fault *taken = gate_arena_make(exchange->ctx->arena, struct gate_sim_fault);
        *taken = *fault;
        if (fault->times > 0 && --fault->times == 0) {
            faults->count--;
            memmove(fault, fault + 1, (faults->count - i) * sizeof *fault);
        }
        return taken;
    }
    return NULL;
}

bool gate_sim_fault_lets_run(const struct gate_sim_fault *fault) {
    return fault == NULL || fault->after ||
           (fault->kind == GATE_SIM_FAULT_NONE && fault->status == 0);
}

static void answer_status(const struct gate_sim_fault *fault, struct gate_sim_exchange *exchange) {
    const char *message = fault->message[0] != '\0' ? fault->message : "simulated fault";
    const char *error_code = fault->error_code[0] != '\0' ? fault->error_code
                             : fault->status == 429       ? "RATE_LIMITED"
                             : fault->status == 401       ? "UNAUTHENTICATED"
                             : fault->status / 100 == 5   ? "UNAVAILABLE"
                                                          : "SIMULATED_FAULT";
    if (gate_text_equal(error_code, "TOOL_ERROR")) {
        gate_sim_answer_tool_error(exchange, fault->status, "exec_simulated", "SIMULATED_FAULT",
                                   message);
    } else {
        gate_sim_answer_error(exchange, fault->status, error_code, "%s", message);
    }
    if (fault->retry_after_s > 0) {
        gate_sim_answer_header(
            exchange, "Retry-After",
            gate_arena_printf(exchange->ctx->arena, "%lld", (long long)fault->retry_after_s));
    }
}

static void answer_body(struct gate_sim_exchange *exchange, int status, const char *type,
                        const char *body) {
    gate_sim_answer_start(exchange, status, type);
    gate_buffer_append_text(&exchange->answer.body, body);
}

static void answer_huge(const struct gate_sim_fault *fault, struct gate_sim_exchange *exchange,
                        int status) {
    gate_sim_answer_start(exchange, status, "application/json");
    exchange->answer.stream = (struct gate_sim_stream){
        .kind = GATE_SIM_STREAM_BYTES,
        .total = fault->bytes > 0 ? fault->bytes : 64L * 1024 * 1024,
    };
}

void gate_sim_fault_apply(const struct gate_sim_fault *fault, struct gate_sim_exchange *exchange) {
    int status = fault->status != 0 ? fault->status : 200;
    if (fault->status != 0) {
        answer_status(fault, exchange);
    }
    switch (fault->kind) {
    case GATE_SIM_FAULT_HANG:
        exchange->answer.ending = GATE_SIM_ENDING_CLOSE;
        break;
    case GATE_SIM_FAULT_RESET:
        exchange->answer.ending = GATE_SIM_ENDING_RESET;
        break;
    case GATE_SIM_FAULT_CUT:
        if (exchange->answer.status == 0) {
            gate_sim_answer_empty_object(exchange);
        }
        exchange->answer.ending = GATE_SIM_ENDING_CUT;
        break;
    case GATE_SIM_FAULT_RUBBISH:
        answer_body(exchange, status, "application/json", "{\"data\": {\"a\": [1, 2, \"\x01");
        break;
    case GATE_SIM_FAULT_HTML:
        answer_body(exchange, status, "text/html",
                    "<html><body><h1>Bad Gateway</h1></body></html>\n");
        break;
    case GATE_SIM_FAULT_EMPTY:
        answer_body(exchange, status, "application/json", "");
        break;
    case GATE_SIM_FAULT_HUGE:
        answer_huge(fault, exchange, status);
        break;
    case GATE_SIM_FAULT_NONE:
    case GATE_SIM_FAULT_COUNT_:
        break;
    }
}
