#include "support/fcgi_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { REQUEST_ID = 1, RECORD_MAX = 65535, ANSWER_MAX = 64 * 1024 * 1024 };

static void write_record(struct gate_buffer *out, int type, const void *content, size_t length) {
    const size_t padding = (8 - length % 8) % 8;
    const unsigned char header[8] = {1,
                                     (unsigned char)type,
                                     0,
                                     REQUEST_ID,
                                     (unsigned char)(length >> 8),
                                     (unsigned char)length,
                                     (unsigned char)padding};
    gate_buffer_append(out, header, sizeof header);
    gate_buffer_append(out, content, length);
    gate_buffer_append(out, "\0\0\0\0\0\0\0", padding);
}

void gate_test_fcgi_record_write(struct gate_buffer *out, int type, const void *content,
                                 size_t length) {
    const char *bytes = content;
    while (length > RECORD_MAX) {
        write_record(out, type, bytes, RECORD_MAX);
        bytes += RECORD_MAX;
        length -= RECORD_MAX;
    }
    write_record(out, type, bytes, length);
}

static void write_length(struct gate_buffer *out, size_t length) {
    const unsigned char bytes[4] = {(unsigned char)(length >> 24 | 0x80),
                                    (unsigned char)(length >> 16), (unsigned char)(length >> 8),
                                    (unsigned char)length};
    gate_buffer_append(out, length < 128 ? bytes + 3 : bytes, length < 128 ? 1 : 4);
}

void gate_test_fcgi_param_write(struct gate_buffer *out, const char *name, const char *value) {
    write_length(out, strlen(name));
    write_length(out, strlen(value));
    gate_buffer_append_text(out, name);
    gate_buffer_append_text(out, value);
}

static void write_params(struct gate_buffer *params, const struct gate_test_fcgi_request *request) {
    gate_test_fcgi_param_write(params, "REQUEST_METHOD", request->method ? request->method : "GET");
    gate_test_fcgi_param_write(params, "REQUEST_URI", request->path);
    char text[32];
    if (request->declared_length != -2) {
        const long length =
            request->declared_length == -1 ? (long)request->body_length : request->declared_length;
        snprintf(text, sizeof text, "%ld", length);
        gate_test_fcgi_param_write(params, "CONTENT_LENGTH", text);
    }
    for (int i = 0; i < request->extra_params; i++) {
        snprintf(text, sizeof text, "HTTP_X_%d", i);
        gate_test_fcgi_param_write(params, text, "1");
    }
}

void gate_test_fcgi_head_write(struct gate_buffer *out,
                               const struct gate_test_fcgi_request *request) {
    const int role = request->role ? request->role : GATE_TEST_FCGI_RESPONDER;
    const unsigned char begin[8] = {0, (unsigned char)role, request->keep};
    gate_test_fcgi_record_write(out, GATE_TEST_FCGI_BEGIN, begin, sizeof begin);
    struct gate_buffer params;
    gate_buffer_init(&params, RECORD_MAX);
    write_params(&params, request);
    gate_test_fcgi_record_write(out, GATE_TEST_FCGI_PARAMS, params.data, params.length);
    gate_test_fcgi_record_write(out, GATE_TEST_FCGI_PARAMS, "", 0);
    gate_buffer_done(&params);
}

void gate_test_fcgi_request_write(struct gate_buffer *out,
                                  const struct gate_test_fcgi_request *request) {
    gate_test_fcgi_head_write(out, request);
    if (request->body_length > 0) {
        gate_test_fcgi_record_write(out, GATE_TEST_FCGI_STDIN, request->body, request->body_length);
    }
    gate_test_fcgi_record_write(out, GATE_TEST_FCGI_STDIN, "", 0);
}

int gate_test_fcgi_connect(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    /* Far beyond what any test needs; a broken server fails the test instead of hanging it. */
    const struct timeval timeout = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    return fd;
}

void gate_test_fcgi_send(int fd, const void *bytes, size_t length) {
    const char *next = bytes;
    while (length > 0) {
        const ssize_t count = send(fd, next, length, MSG_NOSIGNAL);
        if (count <= 0) {
            return;
        }
        next += count;
        length -= (size_t)count;
    }
}

void gate_test_fcgi_request_send(int fd, const struct gate_test_fcgi_request *request) {
    struct gate_buffer out;
    gate_buffer_init(&out, ANSWER_MAX);
    gate_test_fcgi_request_write(&out, request);
    gate_test_fcgi_send(fd, out.data, out.length);
    gate_buffer_done(&out);
}

static bool read_exactly(int fd, void *bytes, size_t length) {
    char *next = bytes;
    while (length > 0) {
        const ssize_t count = read(fd, next, length);
        if (count <= 0) {
            return false;
        }
        next += count;
        length -= (size_t)count;
    }
    return true;
}

struct gate_test_fcgi_answer gate_test_fcgi_answer_read(int fd) {
    struct gate_test_fcgi_answer answer = {0};
    gate_buffer_init(&answer.output, ANSWER_MAX);
    char *content = malloc(RECORD_MAX + 256);
    unsigned char header[8];
    while (content != NULL && !answer.is_whole && read_exactly(fd, header, sizeof header)) {
        const size_t length = (size_t)header[4] << 8 | header[5];
        if (!read_exactly(fd, content, length + header[6])) {
            break;
        }
        if (header[1] == GATE_TEST_FCGI_STDOUT) {
            gate_buffer_append(&answer.output, content, length);
        }
        answer.is_whole = header[1] == GATE_TEST_FCGI_END;
        answer.is_aborted = answer.is_aborted || header[1] == GATE_TEST_FCGI_ABORT;
    }
    free(content);
    const char *text = gate_buffer_text(&answer.output);
    if (strncmp(text, "Status: ", 8) == 0) {
        answer.status = atoi(text + 8);
    }
    const char *end_of_headers = strstr(text, "\r\n\r\n");
    answer.body = end_of_headers == NULL ? NULL : end_of_headers + 4;
    return answer;
}

void gate_test_fcgi_answer_done(struct gate_test_fcgi_answer *answer) {
    gate_buffer_done(&answer->output);
}

bool gate_test_fcgi_is_closed(int fd) {
    char byte;
    const ssize_t count = read(fd, &byte, 1);
    return count == 0 || (count < 0 && (errno == ECONNRESET || errno == EPIPE));
}
