/* What a connector is called and what it is for, in words for people.
 *
 * Scalekit names connections for machines ("slack-prod", provider "SLACK"); this is the table of
 * the well-known apps, and a rule for all others. Threads: immutable. Errors: none.
 */
#ifndef GATE_PORTAL_CONNECTOR_NAME_H
#define GATE_PORTAL_CONNECTOR_NAME_H

#include "core/arena.h"

/* "GOOGLE_CALENDAR" and "GOOGLECALENDAR" are "Google Calendar"; an unknown "ACME_CRM" is "Acme
 * Crm". Without a provider the connection's own name is put into words. */
const char *gate_connector_display_name_make(gate_arena *arena, const char *provider,
                                             const char *connection_name);

/* One line that can stand alone: "Read and send e-mail". */
const char *gate_connector_purpose_get(const char *provider);

#endif
