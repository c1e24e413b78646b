#include "fcgi/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/number.h"
#include "core/text.h"

/* The kernel cuts this to net.core.somaxconn. A full backlog is an instant 502 at nginx. */
enum { BACKLOG = 4096, FIRST_HANDED_OVER_FD = 3 };

#define FAIL(error, ...)                                                                           \
    gate_error_set_at((error), __FILE__, __LINE__, GATE_ERR_CONFIG, __VA_ARGS__)

static enum gate_err require_unix_listener(int fd, struct gate_error *error) {
    int accepts = 0;
    socklen_t length = sizeof accepts;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) != 0 || !accepts) {
        return FAIL(error, "descriptor 3 handed over by systemd is not a listening socket; set "
                           "Accept=no in the socket unit");
    }
    struct sockaddr_un address;
    length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0 ||
        address.sun_family != AF_UNIX) {
        return FAIL(error, "the socket handed over by systemd is not a unix socket; only nginx may "
                           "reach it, so set ListenStream to a path");
    }
    return GATE_OK;
}

static enum gate_err take_over(const char *listen_fds, struct gate_error *error,
                               struct gate_fcgi_listener *ret_listener) {
    int64_t count;
    if (gate_number_parse(listen_fds, 1, INT_MAX, &count) != GATE_OK || count != 1) {
        return FAIL(error,
                    "systemd handed over %s sockets; the socket unit must have one ListenStream",
                    listen_fds);
    }
    const int fd = FIRST_HANDED_OVER_FD;
    const enum gate_err err = require_unix_listener(fd, error);
    if (err != GATE_OK) {
        return err;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    *ret_listener = (struct gate_fcgi_listener){.fd = fd};
    return GATE_OK;
}

/* Two starting processes must not both find the same dead socket and replace each other's new one:
 * the directory is locked while looking and binding. */
static enum gate_err lock_directory(const char *path, struct gate_error *error, int *ret_fd) {
    char copy[sizeof(((struct sockaddr_un *)0)->sun_path)];
    memcpy(copy, path, strlen(path) + 1);
    const char *directory = dirname(copy);
    const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return FAIL(error, "the directory %s for the socket cannot be opened: %s", directory,
                    strerror(errno));
    }
    if (flock(fd, LOCK_EX) != 0) {
        close(fd);
        return FAIL(error, "the directory %s for the socket cannot be locked: %s", directory,
                    strerror(errno));
    }
    *ret_fd = fd;
    return GATE_OK;
}

/* Decide about a path that is taken: remove it if it is a socket nobody listens on. */
static enum gate_err remove_dead_socket(const struct sockaddr_un *address,
                                        struct gate_error *error) {
    const char *path = address->sun_path;
    struct stat found;
    if (lstat(path, &found) != 0) {
        return FAIL(error, "%s cannot be looked at: %s", path, strerror(errno));
    }
    if (!S_ISSOCK(found.st_mode)) {
        return FAIL(error, "%s exists and is not a socket; it was left alone", path);
    }
    const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return FAIL(error, "a socket cannot be made: %s", strerror(errno));
    }
    const int rc = connect(probe, (const struct sockaddr *)address, sizeof *address);
    const int reason = rc == 0 ? 0 : errno;
    close(probe);
    if (reason == 0 || reason == EAGAIN) {
        return FAIL(error, "another process is listening on %s", path);
    }
    if (reason != ECONNREFUSED) {
        return FAIL(error, "%s exists and cannot be tried: %s", path, strerror(reason));
    }
    if (unlink(path) != 0) {
        return FAIL(error, "%s was left by a dead process and cannot be removed: %s", path,
                    strerror(errno));
    }
    return GATE_OK;
}

static enum gate_err bind_and_listen(int fd, const char *path, struct gate_error *error) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    int rc = bind(fd, (const struct sockaddr *)&address, sizeof address);
    if (rc != 0 && errno == EADDRINUSE) {
        const enum gate_err err = remove_dead_socket(&address, error);
        if (err != GATE_OK) {
            return err;
        }
        rc = bind(fd, (const struct sockaddr *)&address, sizeof address);
    }
    if (rc != 0) {
        return FAIL(error, "the socket %s cannot be made: %s", path, strerror(errno));
    }
    if (chmod(path, 0660) != 0 || listen(fd, BACKLOG) != 0) {
        const int reason = errno;
        unlink(path);
        return FAIL(error, "the socket %s cannot be opened to peers: %s", path, strerror(reason));
    }
    return GATE_OK;
}

static enum gate_err make_at_path(const char *path, struct gate_error *error,
                                  struct gate_fcgi_listener *ret_listener) {
    struct gate_fcgi_listener listener = {.is_ours = true};
    if (strlen(path) >= sizeof listener.path) {
        return FAIL(error, "the socket's path has %zu bytes; a unix socket's may have %zu at most",
                    strlen(path), sizeof listener.path - 1);
    }
    memcpy(listener.path, path, strlen(path) + 1);
    listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener.fd < 0) {
        return FAIL(error, "a socket cannot be made: %s", strerror(errno));
    }
    int directory = -1;
    enum gate_err err = lock_directory(path, error, &directory);
    if (err == GATE_OK) {
        err = bind_and_listen(listener.fd, path, error);
        close(directory);
    }
    if (err != GATE_OK) {
        close(listener.fd);
        return err;
    }
    struct stat made;
    if (lstat(path, &made) == 0) {
        listener.device = made.st_dev;
        listener.inode = made.st_ino;
    }
    *ret_listener = listener;
    return GATE_OK;
}

enum gate_err gate_fcgi_listen(const char *path, const char *listen_pid, const char *listen_fds,
                               struct gate_error *error, struct gate_fcgi_listener *ret_listener) {
    int64_t pid = 0;
    /* The variables are inherited by children of whoever they were meant for: the pid tells. */
    if (listen_fds != NULL && !gate_text_is_empty(listen_pid) &&
        gate_number_parse(listen_pid, 1, INT_MAX, &pid) == GATE_OK && pid == getpid()) {
        return take_over(listen_fds, error, ret_listener);
    }
    if (gate_text_is_empty(path)) {
        return FAIL(error, "no socket: none is set and systemd handed none over");
    }
    return make_at_path(path, error, ret_listener);
}

void gate_fcgi_listener_retire(struct gate_fcgi_listener *listener) {
    struct stat found;
    if (listener->path[0] != '\0' && lstat(listener->path, &found) == 0 &&
        found.st_dev == listener->device && found.st_ino == listener->inode) {
        unlink(listener->path);
    }
    listener->path[0] = '\0';
}

void gate_fcgi_listener_close(struct gate_fcgi_listener *listener) {
    gate_fcgi_listener_retire(listener);
    if (listener->fd >= 0) {
        close(listener->fd);
        listener->fd = -1;
    }
}
