#include "fcgi/record.h"

#include <errno.h>
#include <fastcgi.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* The most a record can carry that needs no padding to a multiple of eight. */
enum { CONTENT_MAX_BYTES = 65528, PARTS_MAX = 4 };

/* What goes into one writev: a record's header, its content from two spans, and perhaps the end. */
struct parts {
    struct iovec items[PARTS_MAX];
    int count;
};

static void add_part(struct parts *parts, const void *data, size_t length) {
    if (length > 0) {
        parts->items[parts->count].iov_base = (void *)(uintptr_t)data;
        parts->items[parts->count].iov_len = length;
        parts->count++;
    }
}

/* Add as much of a span as still fits into the record, and shorten the span by that. */
static void add_content(struct parts *parts, struct gate_fcgi_span *span, size_t *room) {
    const size_t length = span->length < *room ? span->length : *room;
    if (length == 0) {
        return;
    }
    add_part(parts, span->data, length);
    span->data += length;
    span->length -= length;
    *room -= length;
}

static FCGI_Header make_header(int type, int request_id, size_t length) {
    return (FCGI_Header){
        .version = FCGI_VERSION_1,
        .type = (unsigned char)type,
        .requestIdB1 = (unsigned char)(request_id >> 8 & 0xff),
        .requestIdB0 = (unsigned char)(request_id & 0xff),
        .contentLengthB1 = (unsigned char)(length >> 8 & 0xff),
        .contentLengthB0 = (unsigned char)(length & 0xff),
    };
}

/* The end of the stream and of the request, one behind the other on the wire. */
struct ending {
    FCGI_Header stream;
    FCGI_EndRequestRecord request;
};
_Static_assert(sizeof(struct ending) == 3 * FCGI_HEADER_LEN, "records are bytes, without gaps");

static struct ending make_ending(int request_id) {
    return (struct ending){
        .stream = make_header(FCGI_STDOUT, request_id, 0),
        .request = {.header =
                        make_header(FCGI_END_REQUEST, request_id, sizeof(FCGI_EndRequestBody)),
                    .body = {.protocolStatus = FCGI_REQUEST_COMPLETE}},
    };
}

static void drop_written(struct parts *parts, size_t length) {
    int first = 0;
    while (first < parts->count && length >= parts->items[first].iov_len) {
        length -= parts->items[first].iov_len;
        first++;
    }
    parts->count -= first;
    memmove(parts->items, parts->items + first, (size_t)parts->count * sizeof parts->items[0]);
    if (parts->count > 0) {
        parts->items[0].iov_base = (char *)parts->items[0].iov_base + length;
        parts->items[0].iov_len -= length;
    }
}

static bool write_parts(int fd, struct parts *parts) {
    while (parts->count > 0) {
        const struct msghdr message = {.msg_iov = parts->items, .msg_iovlen = (size_t)parts->count};
        const ssize_t written = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        drop_written(parts, written < 0 ? 0 : (size_t)written);
    }
    return true;
}

void gate_fcgi_record_append(struct gate_buffer *out, int request_id, struct gate_fcgi_span head,
                             struct gate_fcgi_span body, bool is_last) {
    while (head.length + body.length > 0) {
        const size_t left = head.length + body.length;
        size_t room = left < CONTENT_MAX_BYTES ? left : CONTENT_MAX_BYTES;
        const FCGI_Header header = make_header(FCGI_STDOUT, request_id, room);
        struct parts parts = {.count = 0};
        add_content(&parts, &head, &room);
        add_content(&parts, &body, &room);
        gate_buffer_append(out, &header, sizeof header);
        for (int i = 0; i < parts.count; i++) {
            gate_buffer_append(out, parts.items[i].iov_base, parts.items[i].iov_len);
        }
    }
    if (is_last) {
        const struct ending ending = make_ending(request_id);
        gate_buffer_append(out, &ending, sizeof ending);
    }
}

void gate_fcgi_record_append_abort(struct gate_buffer *out, int request_id) {
    /* A word for the other direction: to nginx an error of ours. */
    const FCGI_Header header = make_header(FCGI_ABORT_REQUEST, request_id, 0);
    gate_buffer_append(out, &header, sizeof header);
}

enum gate_fcgi_sent gate_fcgi_record_send(int fd, const struct gate_buffer *out, size_t *sent) {
    while (*sent < out->length) {
        const ssize_t count =
            send(fd, out->data + *sent, out->length - *sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            *sent += (size_t)count;
        } else if (errno == EAGAIN) {
            return GATE_FCGI_BLOCKED;
        } else if (errno != EINTR) {
            return GATE_FCGI_GONE;
        }
    }
    return GATE_FCGI_SENT;
}

bool gate_fcgi_record_write(int fd, int request_id, struct gate_fcgi_span head,
                            struct gate_fcgi_span body, bool is_last) {
    const struct ending ending = make_ending(request_id);
    bool is_done = false;
    while (!is_done) {
        const size_t left = head.length + body.length;
        size_t room = left < CONTENT_MAX_BYTES ? left : CONTENT_MAX_BYTES;
        const FCGI_Header header = make_header(FCGI_STDOUT, request_id, room);
        struct parts parts = {.count = 0};
        /* An empty record would say that the stream ends. */
        add_part(&parts, &header, room > 0 ? sizeof header : 0);
        add_content(&parts, &head, &room);
        add_content(&parts, &body, &room);
        is_done = head.length + body.length == 0;
        add_part(&parts, &ending, is_done && is_last ? sizeof ending : 0);
        if (!write_parts(fd, &parts)) {
            return false;
        }
    }
    return true;
}
