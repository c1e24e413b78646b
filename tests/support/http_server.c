#define _GNU_SOURCE /* memmem, strcasestr, accept4 */
#include "support/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MAX_BYTES 16384
#define CONNECTIONS_MAX 4096

struct connection {
    gate_test_server *server;
    pthread_t thread;
    int number;
    int fd;
    char *input;
    size_t input_length;
    size_t input_capacity;
};

struct gate_test_server {
    gate_test_answer_fn *answer;
    void *state;
    int listen_fd;
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_released;
    bool is_early;
    bool is_stopping;
    int request_count;
    int closed_count;
    int connection_count;
    struct connection *connections[CONNECTIONS_MAX];
};

static void require(bool holds) {
    if (!holds) {
        perror("test server");
        abort();
    }
}

static bool send_all(int fd, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

static bool read_more(struct connection *connection) {
    if (connection->input_length + 4096 + 1 > connection->input_capacity) {
        connection->input_capacity = connection->input_capacity * 2 + 8192;
        connection->input = realloc(connection->input, connection->input_capacity);
        require(connection->input != NULL);
    }
    ssize_t length = recv(connection->fd, connection->input + connection->input_length, 4096, 0);
    if (length <= 0) {
        return false;
    }
    connection->input_length += (size_t)length;
    connection->input[connection->input_length] = '\0';
    return true;
}

static bool is_early(gate_test_server *server) {
    pthread_mutex_lock(&server->lock);
    const bool is_early = server->is_early;
    pthread_mutex_unlock(&server->lock);
    return is_early;
}

static bool drop_body(struct connection *connection, size_t length) {
    while (length > connection->input_length) {
        length -= connection->input_length;
        connection->input_length = 0;
        if (!read_more(connection)) {
            return false;
        }
    }
    connection->input_length -= length;
    memmove(connection->input, connection->input + length, connection->input_length);
    return true;
}

/* Read one whole request; returns the length of its head, 0 at the end of the connection. */
static size_t read_request(struct connection *connection, size_t *ret_body_length) {
    char *end;
    while (connection->input_length == 0 ||
           (end = memmem(connection->input, connection->input_length, "\r\n\r\n", 4)) == NULL) {
        if (connection->input_length > HEAD_MAX_BYTES || !read_more(connection)) {
            return 0;
        }
    }
    size_t head_length = (size_t)(end - connection->input) + 4;
    const char *length_text = strcasestr(connection->input, "\r\ncontent-length:");
    *ret_body_length = length_text == NULL || length_text > end
                           ? 0
                           : strtoul(length_text + strlen("\r\ncontent-length:"), NULL, 10);
    while (!is_early(connection->server) &&
           connection->input_length < head_length + *ret_body_length) {
        if (!read_more(connection)) {
            return 0;
        }
    }
    return head_length;
}

static bool wait_for_release(gate_test_server *server) {
    pthread_mutex_lock(&server->lock);
    while (!server->is_released && !server->is_stopping) {
        pthread_cond_wait(&server->changed, &server->lock);
    }
    bool goes_on = !server->is_stopping;
    pthread_mutex_unlock(&server->lock);
    return goes_on;
}

/* Returns whether the connection stays. */
static bool send_answer(struct connection *connection, const struct gate_test_http_answer *answer) {
    if (answer->is_held && !wait_for_release(connection->server)) {
        return false;
    }
    if (answer->is_silent) {
        return false;
    }
    if (answer->raw != NULL) {
        send_all(connection->fd, answer->raw, strlen(answer->raw));
        return false;
    }
    size_t length = answer->body_length;
    if (length == 0 && answer->body != NULL) {
        length = strlen(answer->body);
    }
    char head[2048];
    int head_length =
        snprintf(head, sizeof head, "HTTP/1.1 %d Scripted\r\nContent-Length: %zu\r\n%s\r\n",
                 answer->status, length, answer->headers == NULL ? "" : answer->headers);
    require(head_length > 0 && (size_t)head_length < sizeof head && answer->cut_bytes <= length);
    return send_all(connection->fd, head, (size_t)head_length) &&
           send_all(connection->fd, answer->body, length - answer->cut_bytes) &&
           answer->cut_bytes == 0 && !answer->closes_after;
}

static bool answer_one(struct connection *connection) {
    gate_test_server *server = connection->server;
    size_t body_length = 0;
    size_t head_length = read_request(connection, &body_length);
    if (head_length == 0) {
        return false;
    }
    char *head = strndup(connection->input, head_length);
    char *line = strndup(head, strcspn(head, "\r"));
    require(head != NULL && line != NULL);
    char *rest = line;
    struct gate_test_http_request request = {
        .connection = connection->number,
        .head = head,
        .method = strtok_r(line, " ", &rest),
        .body = connection->input + head_length,
        .body_length = connection->input_length < head_length + body_length ? 0 : body_length,
    };
    request.target = strtok_r(NULL, " ", &rest);
    require(request.method != NULL && request.target != NULL);
    struct gate_test_http_answer answer = {.status = 200};
    pthread_mutex_lock(&server->lock);
    request.number = ++server->request_count;
    server->answer(&request, &answer, server->state);
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    bool stays = send_answer(connection, &answer);
    free(head);
    free(line);
    return stays && drop_body(connection, head_length + body_length);
}

static void *serve(void *state) {
    struct connection *connection = state;
    gate_test_server *server = connection->server;
    while (answer_one(connection)) {
    }
    pthread_mutex_lock(&server->lock);
    close(connection->fd);
    connection->fd = -1;
    server->closed_count++;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    free(connection->input);
    return NULL;
}

static void start_connection(gate_test_server *server, int fd, const pthread_attr_t *small) {
    struct connection *connection = calloc(1, sizeof *connection);
    require(connection != NULL);
    connection->server = server;
    connection->fd = fd;
    pthread_mutex_lock(&server->lock);
    require(server->connection_count < CONNECTIONS_MAX);
    server->connections[server->connection_count++] = connection;
    connection->number = server->connection_count;
    require(pthread_create(&connection->thread, small, serve, connection) == 0);
    pthread_mutex_unlock(&server->lock);
}

static void *accept_all(void *state) {
    gate_test_server *server = state;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 128 * 1024);
    int fd;
    while ((fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        start_connection(server, fd, &small);
    }
    pthread_attr_destroy(&small);
    return NULL;
}

gate_test_server *gate_test_server_new(gate_test_answer_fn *answer, void *state) {
    gate_test_server *server = calloc(1, sizeof *server);
    require(server != NULL);
    server->answer = answer;
    server->state = state;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    require(bind(server->listen_fd, (struct sockaddr *)&address, length) == 0);
    require(listen(server->listen_fd, 4096) == 0);
    require(getsockname(server->listen_fd, (struct sockaddr *)&address, &length) == 0);
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    require(pthread_create(&server->thread, NULL, accept_all, server) == 0);
    return server;
}

void gate_test_server_free(gate_test_server *server) {
    shutdown(server->listen_fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listen_fd);
    pthread_mutex_lock(&server->lock);
    server->is_stopping = true;
    for (int i = 0; i < server->connection_count; i++) {
        if (server->connections[i]->fd >= 0) {
            shutdown(server->connections[i]->fd, SHUT_RDWR);
        }
    }
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    for (int i = 0; i < server->connection_count; i++) {
        pthread_join(server->connections[i]->thread, NULL);
        free(server->connections[i]);
    }
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

const char *gate_test_server_url(const gate_test_server *server) {
    return server->url;
}

int gate_test_server_request_count(gate_test_server *server) {
    pthread_mutex_lock(&server->lock);
    int count = server->request_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

int gate_test_server_connection_count(gate_test_server *server) {
    pthread_mutex_lock(&server->lock);
    int count = server->connection_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

void gate_test_server_answer_early(gate_test_server *server) {
    pthread_mutex_lock(&server->lock);
    server->is_early = true;
    pthread_mutex_unlock(&server->lock);
}

void gate_test_server_release(gate_test_server *server) {
    pthread_mutex_lock(&server->lock);
    server->is_released = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

static void wait_for(gate_test_server *server, const int *counter, int count) {
    pthread_mutex_lock(&server->lock);
    while (*counter < count) {
        pthread_cond_wait(&server->changed, &server->lock);
    }
    pthread_mutex_unlock(&server->lock);
}

void gate_test_server_wait_requests(gate_test_server *server, int count) {
    wait_for(server, &server->request_count, count);
}

void gate_test_server_wait_closed(gate_test_server *server, int count) {
    wait_for(server, &server->closed_count, count);
}

const char *gate_test_http_header(const struct gate_test_http_request *request, const char *name,
                                  char *room, size_t room_bytes) {
    char pattern[128];
    snprintf(pattern, sizeof pattern, "\r\n%s:", name);
    const char *found = strcasestr(request->head, pattern);
    room[0] = '\0';
    if (found == NULL) {
        return room;
    }
    found += strlen(pattern);
    found += strspn(found, " ");
    snprintf(room, room_bytes, "%.*s", (int)strcspn(found, "\r"), found);
    return room;
}
