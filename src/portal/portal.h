/* The product: what people and their agents can do. One function per intention in the headers
 * beside this one; this header holds what they share.
 *
 * Owner: gate_portal_new's caller; the parts are borrowed and outlive it. Threads: locked inside
 * where it keeps state (what is being refreshed, keys of the sign-in provider, how much callers ask
 * for); otherwise immutable.
 */
#ifndef GATE_PORTAL_PORTAL_H
#define GATE_PORTAL_PORTAL_H

#include "config/settings.h"
#include "crypto/digest.h"
#include "net/net.h"
#include "scalekit/scalekit.h"
#include "store/store.h"

typedef struct gate_portal gate_portal;

struct gate_portal_parts {
    const struct gate_config *config;
    gate_store *store;
    gate_net *net;
    gate_scalekit *scalekit;
    const struct gate_clock *clock;
    gate_runqueue *runqueue;
};

gate_portal *gate_portal_new(const struct gate_portal_parts *parts);
void gate_portal_free(gate_portal *portal);

#endif
