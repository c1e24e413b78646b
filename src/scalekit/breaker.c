#include "scalekit/breaker.h"

void gate_breaker_init(struct gate_breaker *breaker, int failures_to_open) {
    *breaker = (struct gate_breaker){.failures_to_open = failures_to_open};
    pthread_mutex_init(&breaker->lock, NULL);
}

void gate_breaker_done(struct gate_breaker *breaker) {
    pthread_mutex_destroy(&breaker->lock);
}

static bool is_witness(const struct gate_breaker *breaker, uint64_t who) {
    for (size_t i = 0; i < breaker->witness_count; i++) {
        if (breaker->witnesses[i] == who) {
            return true;
        }
    }
    return false;
}

static void add_witness(struct gate_breaker *breaker, uint64_t who) {
    if (who == 0 || breaker->witness_count == GATE_BREAKER_WITNESSES_MAX) {
        breaker->is_everybodys = true;
    } else if (!is_witness(breaker, who)) {
        breaker->witnesses[breaker->witness_count++] = who;
    }
}

/* Has an open breaker nothing to do with this one's work, as far as is known? */
static bool is_somebody_elses(const struct gate_breaker *breaker, uint64_t who) {
    return who != 0 && !breaker->is_everybodys && !is_witness(breaker, who);
}

enum gate_breaker_turn gate_breaker_begin(struct gate_breaker *breaker, int64_t now_ms,
                                          struct gate_breaker_pass *pass, int64_t *ret_wait_ms) {
    enum gate_breaker_turn turn = GATE_BREAKER_GOES;
    pthread_mutex_lock(&breaker->lock);
    if (breaker->is_open && is_somebody_elses(breaker, pass->who)) {
        turn = GATE_BREAKER_PROBES;
    } else if (breaker->is_open && now_ms >= breaker->next_probe_ms) {
        breaker->is_probing = true;
        breaker->next_probe_ms = now_ms + breaker->wait_ms;
        turn = GATE_BREAKER_PROBES;
    } else if (breaker->is_open) {
        *ret_wait_ms = breaker->next_probe_ms - now_ms;
        turn = GATE_BREAKER_REFUSES;
    }
    pthread_mutex_unlock(&breaker->lock);
    pass->is_probe = turn == GATE_BREAKER_PROBES;
    return turn;
}

static enum gate_breaker_change note_answer(struct gate_breaker *breaker) {
    bool was_open = breaker->is_open;
    breaker->failures = 0;
    breaker->is_open = false;
    breaker->is_probing = false;
    breaker->witness_count = 0;
    breaker->is_everybodys = false;
    return was_open ? GATE_BREAKER_CLOSED : GATE_BREAKER_SAME;
}

/* What was begun before it opened, and fails only now, says nothing new. */
static enum gate_breaker_change note_failure(struct gate_breaker *breaker,
                                             const struct gate_breaker_pass *pass, int64_t now_ms) {
    add_witness(breaker, pass->who);
    if (breaker->is_open) {
        if (pass->is_probe) {
            int64_t twice_ms = breaker->wait_ms * 2;
            breaker->wait_ms =
                twice_ms < GATE_BREAKER_WAIT_MAX_MS ? twice_ms : GATE_BREAKER_WAIT_MAX_MS;
            breaker->next_probe_ms = now_ms + breaker->wait_ms;
            breaker->is_probing = false;
        }
        return GATE_BREAKER_SAME;
    }
    breaker->failures++;
    if (breaker->failures < breaker->failures_to_open) {
        return GATE_BREAKER_SAME;
    }
    breaker->is_open = true;
    breaker->wait_ms = GATE_BREAKER_WAIT_MIN_MS;
    breaker->next_probe_ms = now_ms + breaker->wait_ms;
    return GATE_BREAKER_OPENED;
}

enum gate_breaker_change gate_breaker_note(struct gate_breaker *breaker,
                                           enum gate_breaker_evidence evidence,
                                           const struct gate_breaker_pass *pass, int64_t now_ms) {
    enum gate_breaker_change change = GATE_BREAKER_SAME;
    pthread_mutex_lock(&breaker->lock);
    if (evidence == GATE_BREAKER_ANSWERED) {
        change = note_answer(breaker);
    } else if (evidence == GATE_BREAKER_FAILED) {
        change = note_failure(breaker, pass, now_ms);
    }
    pthread_mutex_unlock(&breaker->lock);
    return change;
}

enum gate_breaker_state gate_breaker_state_get(struct gate_breaker *breaker) {
    pthread_mutex_lock(&breaker->lock);
    enum gate_breaker_state state = !breaker->is_open     ? GATE_BREAKER_STATE_CLOSED
                                    : breaker->is_probing ? GATE_BREAKER_STATE_HALF_OPEN
                                                          : GATE_BREAKER_STATE_OPEN;
    pthread_mutex_unlock(&breaker->lock);
    return state;
}
