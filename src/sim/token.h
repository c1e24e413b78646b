/* Access tokens that the simulator gave out.
 *
 * Owner: the world. Threads: confined. Errors: none; the oldest go beyond GATE_SIM_TOKENS_MAX.
 */
#ifndef GATE_SIM_TOKEN_H
#define GATE_SIM_TOKEN_H

#include <stdint.h>

struct gate_sim_exchange;
struct gate_sim_person;
typedef struct gate_sim_tokens gate_sim_tokens;

struct gate_sim_token {
    char text[64]; /* "": none */
    int64_t expires_ms;
    const struct gate_sim_person *person; /* NULL: the API client's */
};

gate_sim_tokens *gate_sim_tokens_new(void);
void gate_sim_tokens_free(gate_sim_tokens *tokens);

/* Make every token given out so far unknown. */
void gate_sim_tokens_expire(gate_sim_tokens *tokens);

const struct gate_sim_token *gate_sim_token_add(gate_sim_tokens *tokens,
                                                const struct gate_sim_person *person,
                                                int64_t expires_ms);

/* The live token in the request's Authorization header, or NULL. */
const struct gate_sim_token *gate_sim_token_find(const gate_sim_tokens *tokens,
                                                 const struct gate_sim_exchange *exchange);

/* What the journal says of the header: "none", "basic", "known" or "unknown". */
const char *gate_sim_token_describe(const gate_sim_tokens *tokens,
                                    const struct gate_sim_exchange *exchange);

/* POST /oauth/token (RFC 6749 sections 4.1.3 and 4.4). */
void gate_sim_token_handle(struct gate_sim_exchange *exchange);

#endif
