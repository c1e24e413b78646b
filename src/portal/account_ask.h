/* Scalekit's account as the record has it. For the files of portal/ only. Threads: immutable.
 * Errors: none. */
#ifndef GATE_PORTAL_ACCOUNT_ASK_H
#define GATE_PORTAL_ACCOUNT_ASK_H

#include "scalekit/scalekit.h"
#include "store/account.h"

/* What the record does not get from Scalekit (ids of ours, learned_…) is 0. Texts are borrowed. */
struct gate_account gate_account_from_scalekit(const struct gate_scalekit_account *account);

#endif
