/* Readers of columns that several aggregates select. For the files of store/ only.
 *
 * Owner: strings live in ctx->arena. Threads: confined. Errors: none.
 */
#ifndef GATE_STORE_ROWS_H
#define GATE_STORE_ROWS_H

#include "store/statement.h"
#include "store/user.h"

/* Read a person from the next eleven columns, in the order that sql/query/user.sql has. */
struct gate_user gate_user_read(struct gate_statement *row);

#endif
