#include "portal/portal.h"

#include <stdlib.h>

#include "core/random.h"
#include "portal/state.h"
#include "portal/tool_cache.h"

gate_portal *gate_portal_new(const struct gate_portal_parts *parts) {
    gate_portal *portal = calloc(1, sizeof *portal);
    if (portal == NULL) {
        abort();
    }
    portal->parts = *parts;
    const gate_secret *secret = parts->config->secret;
    portal->csrf_key = gate_key_derive(secret, "csrf");
    portal->signin_key = gate_key_derive(secret, "signin");
    portal->id_token_key = gate_key_derive(secret, "id-token");
    portal->idempotency_request_key = gate_key_derive(secret, "idempotency-request");
    portal->idempotency_answer_key = gate_key_derive(secret, "idempotency-answer");
    portal->bearer_key = gate_key_derive(secret, "bearer");
    gate_random_fill(portal->instance.bytes, sizeof portal->instance.bytes);
    portal->provider = gate_provider_new(parts);
    portal->notices = gate_notices_new(parts);
    portal->retention = gate_retention_new(parts);
    portal->refresher = gate_refresher_new(parts);
    portal->admissions = gate_admissions_new();
    portal->waits = gate_waits_new();
    portal->tool_cache = gate_tool_cache_new();
    portal->upkeep = gate_upkeep_new(parts);
    portal->webhooks = gate_webhooks_new();
    return portal;
}

void gate_portal_free(gate_portal *portal) {
    if (portal == NULL) {
        return;
    }
    gate_admissions_free(portal->admissions);
    gate_notices_free(portal->notices);
    gate_retention_free(portal->retention);
    gate_refresher_free(portal->refresher);
    gate_waits_free(portal->waits);
    gate_tool_cache_free(portal->tool_cache);
    gate_upkeep_free(portal->upkeep);
    gate_webhooks_free(portal->webhooks);
    gate_provider_free(portal->provider);
    gate_secret_wipe(portal, sizeof *portal);
    free(portal);
}
