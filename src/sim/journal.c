#include "sim/journal.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"

struct entry {
    int64_t number;
    gate_arena *arena; /* owns the texts below */
    int64_t at_ms;
    int64_t answered_ms;
    const char *method;
    const char *uri;
    struct gate_sim_pairs headers;
    const char *authorization;
    const char *body;
    size_t body_bytes;
    int status;
    enum gate_sim_ending ending;
    const char *answer_body;
    size_t kept_bytes;
};

struct gate_sim_journal {
    struct entry entries[GATE_SIM_JOURNAL_ENTRIES_MAX]; /* ring */
    int64_t first;                                      /* number of the oldest entry */
    int64_t next;
    size_t kept_bytes;
};

gate_sim_journal *gate_sim_journal_new(void) {
    gate_sim_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL) {
        abort();
    }
    return journal;
}

static struct entry *find_entry(gate_sim_journal *journal, int64_t number) {
    return number < journal->first || number >= journal->next
               ? NULL
               : &journal->entries[number % GATE_SIM_JOURNAL_ENTRIES_MAX];
}

static void drop_oldest(gate_sim_journal *journal) {
    struct entry *entry = find_entry(journal, journal->first);
    journal->kept_bytes -= entry->kept_bytes;
    gate_arena_free(entry->arena);
    entry->arena = NULL;
    journal->first++;
}

void gate_sim_journal_clear(gate_sim_journal *journal) {
    while (journal->first < journal->next) {
        drop_oldest(journal);
    }
}

void gate_sim_journal_free(gate_sim_journal *journal) {
    if (journal != NULL) {
        gate_sim_journal_clear(journal);
        free(journal);
    }
}

static bool is_secret_header(const char *name) {
    static const char *const secret[] = {"authorization", "cookie", "proxy-authorization"};
    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++) {
        if (gate_text_equal_ignoring_case(name, secret[i])) {
            return true;
        }
    }
    return false;
}

static void keep_headers(struct entry *entry, const struct gate_sim_exchange *exchange) {
    const struct gate_sim_pairs *given = &exchange->headers;
    struct gate_sim_pair *kept =
        gate_arena_alloc_array(entry->arena, given->count + 1, sizeof *kept);
    for (size_t i = 0; i < given->count; i++) {
        if (!is_secret_header(given->items[i].name)) {
            kept[entry->headers.count++] =
                (struct gate_sim_pair){gate_arena_strdup(entry->arena, given->items[i].name),
                                       gate_arena_strdup(entry->arena, given->items[i].value)};
            entry->kept_bytes += strlen(given->items[i].value) + 64;
        }
    }
    entry->headers.items = kept;
}

static const char *keep_body(struct entry *entry, const struct gate_sim_exchange *exchange,
                             const struct gate_buffer *body) {
    if (exchange->keeps_secrets) {
        return NULL;
    }
    size_t length =
        body->length < GATE_SIM_JOURNAL_BODY_BYTES ? body->length : GATE_SIM_JOURNAL_BODY_BYTES;
    entry->kept_bytes += length;
    return gate_arena_strndup(entry->arena, gate_buffer_text(body), length);
}

int64_t gate_sim_journal_begin(gate_sim_journal *journal, const struct gate_sim_exchange *exchange,
                               const char *authorization) {
    if (journal->next - journal->first == GATE_SIM_JOURNAL_ENTRIES_MAX) {
        drop_oldest(journal);
    }
    while (journal->first < journal->next && journal->kept_bytes > GATE_SIM_JOURNAL_TOTAL_BYTES) {
        drop_oldest(journal);
    }
    int64_t number = journal->next++;
    struct entry *entry = &journal->entries[number % GATE_SIM_JOURNAL_ENTRIES_MAX];
    *entry = (struct entry){.number = number};
    entry->arena = gate_arena_new();
    entry->at_ms = gate_ctx_now_ms(exchange->ctx);
    entry->method = gate_arena_strdup(entry->arena, exchange->method);
    entry->uri = gate_arena_strdup(entry->arena, exchange->uri);
    entry->authorization = authorization;
    entry->body_bytes = exchange->body.length;
    entry->kept_bytes = 1024 + strlen(exchange->uri);
    keep_headers(entry, exchange);
    entry->body = keep_body(entry, exchange, &exchange->body);
    journal->kept_bytes += entry->kept_bytes;
    return number;
}

void gate_sim_journal_complete(gate_sim_journal *journal, int64_t number,
                               const struct gate_sim_exchange *exchange) {
    struct entry *entry = find_entry(journal, number);
    if (entry == NULL) {
        return;
    }
    journal->kept_bytes -= entry->kept_bytes;
    entry->answered_ms = gate_ctx_now_ms(exchange->ctx);
    entry->status = exchange->answer.status;
    entry->ending = exchange->answer.ending;
    entry->answer_body = keep_body(entry, exchange, &exchange->answer.body);
    journal->kept_bytes += entry->kept_bytes;
}

static const char *name_ending(const struct entry *entry) {
    static const char *const names[] = {[GATE_SIM_ENDING_WHOLE] = "whole",
                                        [GATE_SIM_ENDING_CUT] = "cut",
                                        [GATE_SIM_ENDING_CLOSE] = "close",
                                        [GATE_SIM_ENDING_RESET] = "reset"};
    return entry->answered_ms == 0 ? "open" : names[entry->ending];
}

static void write_entry(const struct entry *entry, gate_arena *arena,
                        struct gate_json_writer *writer) {
    size_t path_length = strcspn(entry->uri, "?");
    gate_json_open_object(writer, NULL);
    gate_json_write_integer(writer, "number", entry->number);
    gate_json_write_time(writer, "at", entry->at_ms);
    gate_json_write_text(writer, "method", entry->method);
    gate_json_write_text(writer, "path", gate_arena_strndup(arena, entry->uri, path_length));
    gate_json_write_text(writer, "query",
                         entry->uri[path_length] == '?' ? entry->uri + path_length + 1 : "");
    gate_json_write_text(writer, "authorization", entry->authorization);
    gate_json_open_object(writer, "headers");
    for (size_t i = 0; i < entry->headers.count; i++) {
        gate_json_write_text(writer, entry->headers.items[i].name, entry->headers.items[i].value);
    }
    gate_json_close_object(writer);
    gate_json_write_text(writer, "body", entry->body);
    gate_json_write_integer(writer, "body_bytes", (int64_t)entry->body_bytes);
    gate_json_write_integer(writer, "status", entry->status);
    gate_json_write_text(writer, "ending", name_ending(entry));
    gate_json_write_text(writer, "answer_body", entry->answer_body);
    gate_json_close_object(writer);
}

void gate_sim_journal_write(const gate_sim_journal *journal, gate_arena *arena,
                            struct gate_json_writer *writer) {
    for (int64_t number = journal->first; number < journal->next; number++) {
        write_entry(&journal->entries[number % GATE_SIM_JOURNAL_ENTRIES_MAX], arena, writer);
    }
}
