/* The handlers of the pages that people see, one per row of the route table.
 *
 * Each reads fields, calls one portal function and fills a template; it leads to exactly one
 * gate_page_finish, gate_request_finish or gate_request_fail. Threads: confined with the request.
 */
#ifndef GATE_WEB_PAGES_PAGES_H
#define GATE_WEB_PAGES_PAGES_H

#include "web/request.h"

/* GET /: what may be connected and what is. */
void gate_page_connectors_handle(struct gate_request *request);

/* GET /connectors/{connection}: one connector with its history. */
void gate_page_connector_handle(struct gate_request *request);

/* GET /connect/{connection}?return_to=: the deep link for agents, mails and other apps. */
void gate_page_connect_deep_link_handle(struct gate_request *request);

/* POST /connectors/{connection}/connect: off to the page where the person gives access. */
void gate_page_connect_handle(struct gate_request *request);

/* GET /connect/callback: back from it. */
void gate_page_connect_callback_handle(struct gate_request *request);

/* GET /connectors/{connection}/disconnect?action=: what will stop, asked for plainly. */
void gate_page_disconnect_ask_handle(struct gate_request *request);

/* POST /connectors/{connection}/disconnect with action=disconnect or action=remove. */
void gate_page_disconnect_handle(struct gate_request *request);

/* GET /tokens: the person's own access tokens, which people call access keys. */
void gate_page_tokens_handle(struct gate_request *request);

/* GET /tokens/new: the form for one more. */
void gate_page_token_new_handle(struct gate_request *request);

/* POST /tokens: make it, and show its text, this once. */
void gate_page_token_make_handle(struct gate_request *request);

/* GET /tokens/{token}/revoke: what will stop, asked for plainly. */
void gate_page_token_revoke_ask_handle(struct gate_request *request);

/* POST /tokens/{token}/revoke. */
void gate_page_token_revoke_handle(struct gate_request *request);

/* GET /signin?return_to=: off to the sign-in provider. */
void gate_page_signin_handle(struct gate_request *request);

/* GET /signin/callback: back from it. */
void gate_page_signin_callback_handle(struct gate_request *request);

/* POST /signout: end this browser's session. */
void gate_page_signout_handle(struct gate_request *request);

/* GET /signed-out: where one arrives afterwards. */
void gate_page_signed_out_handle(struct gate_request *request);

#endif
