/* The words behind a status code (RFC 9110, section 15). Threads: immutable. Errors: none. */
#ifndef GATE_FCGI_REASON_H
#define GATE_FCGI_REASON_H

/* A status code's reason phrase; for codes that are not listed, one that fits the class. nginx
 * passes it on, and there are HTTP/1.1 clients that stumble over none. */
const char *gate_fcgi_reason_get(int status);

#endif
