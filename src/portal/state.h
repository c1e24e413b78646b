/* Inside of gate_portal, for the files of portal/ only. */
#ifndef GATE_PORTAL_STATE_H
#define GATE_PORTAL_STATE_H

#include "portal/portal.h"

struct gate_provider;   /* the sign-in provider's metadata and keys; portal/provider.c */
struct gate_admissions; /* how much callers ask for; portal/admission.c */
struct gate_notices;    /* which services are being told; portal/notices.c */
struct gate_retention;  /* what is old, and goes; portal/retention.c */
struct gate_refresher;  /* which refreshes are under way; portal/refresh.c */
struct gate_tool_cache; /* answers about tools; portal/tool_cache.h */
struct gate_upkeep;     /* what is done from time to time; portal/upkeep.c */
struct gate_webhooks;   /* webhooks under way, and how they ended; portal/webhook.c */
struct gate_waits;      /* who waits for a change of status; portal/connector_wait.c */

struct gate_portal {
    struct gate_portal_parts parts;
    struct gate_digest csrf_key; /* derived keys, one per purpose */
    struct gate_digest signin_key;
    struct gate_digest id_token_key;
    struct gate_digest idempotency_request_key;
    struct gate_digest idempotency_answer_key;
    struct gate_digest bearer_key;
    struct gate_digest instance; /* random: tells this process from those before it */
    struct gate_provider *provider;
    struct gate_notices *notices;
    struct gate_retention *retention;
    struct gate_refresher *refresher;
    struct gate_admissions *admissions;
    struct gate_waits *waits;
    struct gate_tool_cache *tool_cache;
    struct gate_upkeep *upkeep;
    struct gate_webhooks *webhooks;
};

/* Each owner's part of gate_portal_new and gate_portal_free. */
struct gate_provider *gate_provider_new(const struct gate_portal_parts *parts);
void gate_provider_free(struct gate_provider *provider);
struct gate_notices *gate_notices_new(const struct gate_portal_parts *parts);
void gate_notices_free(struct gate_notices *notices);
struct gate_retention *gate_retention_new(const struct gate_portal_parts *parts);
void gate_retention_free(struct gate_retention *retention);
struct gate_refresher *gate_refresher_new(const struct gate_portal_parts *parts);
void gate_refresher_free(struct gate_refresher *refresher);
size_t gate_refresher_length(struct gate_refresher *refresher); /* refreshes under way */
struct gate_admissions *gate_admissions_new(void);
void gate_admissions_free(struct gate_admissions *admissions);
struct gate_waits *gate_waits_new(void);
void gate_waits_free(struct gate_waits *waits);
size_t gate_waits_length(struct gate_waits *waits); /* callers who wait now */
struct gate_upkeep *gate_upkeep_new(const struct gate_portal_parts *parts);
void gate_upkeep_free(struct gate_upkeep *upkeep);
struct gate_webhooks *gate_webhooks_new(void);
void gate_webhooks_free(struct gate_webhooks *webhooks);

#endif
