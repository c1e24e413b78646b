/* The socket nginx connects to: made by path, or handed over by systemd (sd_listen_fds(3)).
 *
 * Owner: whoever declared the struct. Threads: startup. Errors: GATE_ERR_CONFIG with one sentence.
 * A socket of ours has mode 0660, because whoever reaches it is believed; give it nginx's group
 * through the directory or the service's group.
 */
#ifndef GATE_FCGI_LISTENER_H
#define GATE_FCGI_LISTENER_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "core/error.h"

struct gate_fcgi_listener {
    int fd;       /* non-blocking, close-on-exec; -1 once closed */
    bool is_ours; /* made here, not handed over */
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "" when handed over */
    dev_t device; /* of the path, so that a successor's socket is never removed */
    ino_t inode;
};

/* Take the socket systemd handed over, if it did (`listen_pid` and `listen_fds` are the texts of
 * LISTEN_PID and LISTEN_FDS, or NULL), else make one at `path`. A path left behind by a dead
 * process is replaced; one that somebody listens on is an error. */
enum gate_err gate_fcgi_listen(const char *path, const char *listen_pid, const char *listen_fds,
                               struct gate_error *error,
                               struct gate_fcgi_listener *ret_listener) GATE_MUST_CHECK;

/* Make the path of a socket of ours unreachable for new peers; those already waiting can still be
 * accepted. */
void gate_fcgi_listener_retire(struct gate_fcgi_listener *listener);

/* Retire and close. */
void gate_fcgi_listener_close(struct gate_fcgi_listener *listener);

#endif
