/* Magic links, and the authorization requests that consent through them leaves behind.
 *
 * Owner: the world. Threads: confined. Errors: none; the oldest go beyond GATE_SIM_LINKS_MAX.
 */
#ifndef GATE_SIM_LINK_H
#define GATE_SIM_LINK_H

#include <stdbool.h>
#include <stdint.h>

typedef struct gate_sim_links gate_sim_links;

enum gate_sim_link_stage {
    GATE_SIM_LINK_OPEN,
    GATE_SIM_LINK_USED,      /* decided; nothing to verify */
    GATE_SIM_LINK_CONSENTED, /* waits for user/verify */
};

struct gate_sim_link {
    char token[48];           /* the last part of the URL */
    char auth_request_id[48]; /* set once consented */
    char account_id[40];
    char *user_verify_url; /* NULL: no verification */
    char *state;           /* NULL: none */
    int64_t expires_ms;
    enum gate_sim_link_stage stage;
};

gate_sim_links *gate_sim_links_new(void);
void gate_sim_links_free(gate_sim_links *links);
void gate_sim_links_clear(gate_sim_links *links);

/* Let all links expire now. */
void gate_sim_links_expire(gate_sim_links *links);

/* Mint a link; texts are copied. */
struct gate_sim_link *gate_sim_link_add(gate_sim_links *links, const char *account_id,
                                        const char *user_verify_url, const char *state,
                                        int64_t expires_ms);

struct gate_sim_link *gate_sim_link_find(const gate_sim_links *links, const char *token);

/* The link whose consent waits under this id, or NULL. */
struct gate_sim_link *gate_sim_link_find_consented(const gate_sim_links *links,
                                                   const char *auth_request_id);

/* Use the link up; with `consented` it gets its auth_request_id. */
void gate_sim_link_use(struct gate_sim_link *link, bool consented);

#endif
