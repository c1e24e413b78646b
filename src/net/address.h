/* Which addresses are out on the internet, and which are this machine's, a neighbour's or nobody's
 * (the special-purpose registries of RFC 6890).
 *
 * Threads: immutable. Errors: none; what is not known to be public is not.
 */
#ifndef GATE_NET_ADDRESS_H
#define GATE_NET_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* An IPv4 or IPv6 address that anybody could be told to connect to. An IPv4 address inside an IPv6
 * one (mapped, 6to4, NAT64) counts for what it is. */
bool gate_address_is_public(const struct sockaddr *address);

/* The same for an address as text, without brackets. */
bool gate_address_text_is_public(const char *text);

#endif
