/* The people one can be, the codes they sign in with, and the keys their ID tokens are signed with.
 *
 * Owner: the world. Threads: confined. Errors: none.
 */
#ifndef GATE_SIM_PERSON_H
#define GATE_SIM_PERSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "json/writer.h"

struct gate_sim_exchange;
typedef struct gate_sim_people gate_sim_people;

struct gate_sim_person {
    const char *key; /* what ?sim_person= takes */
    const char *subject;
    const char *email;
    const char *name;
    const char *given_name;
    const char *family_name;
};

#define GATE_SIM_PERSON_COUNT 2
extern const struct gate_sim_person gate_sim_persons[GATE_SIM_PERSON_COUNT];

const struct gate_sim_person *gate_sim_person_find(const char *key);

/* An authorization code and what it was given for. Empty challenge: no PKCE. */
struct gate_sim_code {
    char text[64];
    const struct gate_sim_person *person;
    char redirect_uri[2049];
    char challenge[128];
    char nonce[512];
    char session_id[48];
    int64_t expires_ms;
};

gate_sim_people *gate_sim_people_new(void);
void gate_sim_people_free(gate_sim_people *people);
void gate_sim_people_clear_codes(gate_sim_people *people);

/* Make a new signing key; the one before stays published, older ones go. Takes a tenth of a second.
 */
void gate_sim_people_rotate_keys(gate_sim_people *people);

/* Keep a code; its text is made here. The result is good until the next call. */
const struct gate_sim_code *gate_sim_code_add(gate_sim_people *people,
                                              const struct gate_sim_code *code);

/* Use a code up. */
bool gate_sim_code_take(gate_sim_people *people, const char *text, int64_t now_ms,
                        struct gate_sim_code *ret_code);

/* Sign the ID token for a code. */
const char *gate_sim_id_token_make(struct gate_sim_exchange *exchange,
                                   const struct gate_sim_code *code);

/* Was this ID token signed with a key of ours (expired or not)? */
bool gate_sim_id_token_is_ours(struct gate_sim_exchange *exchange, const char *id_token);

/* Write a person's claims into an open object. */
void gate_sim_person_write_claims(struct gate_json_writer *writer,
                                  const struct gate_sim_person *person);

/* The published keys as a JWK set (RFC 7517). */
const char *gate_sim_people_key_set(gate_arena *arena, const gate_sim_people *people);

#endif
