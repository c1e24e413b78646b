#include "support/cases.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi/record.h"
#include "support/fcgi_client.h"

enum { REQUEST_ID = 513, SMALL_BUFFER_BYTES = 4096 };

/* What a writer on another thread is to write; the test reads meanwhile, as slowly as it likes. */
struct writing {
    int fd;
    struct gate_fcgi_span head;
    struct gate_fcgi_span body;
    bool is_last;
    bool is_written;
};

static void *write_parts(void *state) {
    struct writing *writing = state;
    writing->is_written = gate_fcgi_record_write(writing->fd, REQUEST_ID, writing->head,
                                                 writing->body, writing->is_last);
    close(writing->fd);
    return NULL;
}

/* The bytes on the wire, read in pieces of `piece` bytes from a socket that holds few. */
static struct gate_buffer transmit(struct writing *writing, size_t piece) {
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    const int size = SMALL_BUFFER_BYTES;
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    writing->fd = fds[0];
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_parts, writing), 0);
    struct gate_buffer wire;
    gate_buffer_init(&wire, SIZE_MAX / 2);
    char bytes[8192];
    ssize_t count;
    while ((count = read(fds[1], bytes, piece)) > 0) {
        gate_buffer_append(&wire, bytes, (size_t)count);
    }
    pthread_join(thread, NULL);
    close(fds[1]);
    return wire;
}

/* Take the record at `at`: its type and length, with the rest of its header checked. */
static size_t read_header(const struct gate_buffer *wire, size_t at, int *ret_type) {
    assert_true(at + 8 <= wire->length);
    const unsigned char *header = (const unsigned char *)wire->data + at;
    assert_int_equal(header[0], 1);
    assert_int_equal(header[2] << 8 | header[3], REQUEST_ID);
    assert_int_equal(header[6], 0); /* no padding */
    *ret_type = header[1];
    return (size_t)(header[4] << 8 | header[5]);
}

/* Join the content of the STDOUT records, and say whether the end records followed. */
static bool join_output(const struct gate_buffer *wire, struct gate_buffer *output) {
    bool has_ended = false;
    bool is_complete = false;
    gate_buffer_init(output, SIZE_MAX / 2);
    for (size_t at = 0; at < wire->length;) {
        int type;
        const size_t length = read_header(wire, at, &type);
        assert_false(is_complete);
        if (type == GATE_TEST_FCGI_END) {
            assert_true(has_ended);
            assert_int_equal(length, 8);
            assert_memory_equal(wire->data + at + 8, "\0\0\0\0\0", 5); /* status 0, complete */
            is_complete = true;
        } else {
            assert_int_equal(type, GATE_TEST_FCGI_STDOUT);
            assert_false(has_ended);
            has_ended = length == 0;
            gate_buffer_append(output, wire->data + at + 8, length);
        }
        at += 8 + length;
    }
    return is_complete;
}

static void check_transmission(size_t head_length, size_t body_length, bool is_last, size_t piece) {
    char *text = test_malloc(head_length + body_length + 1);
    for (size_t i = 0; i < head_length + body_length; i++) {
        text[i] = (char)(i * 31 % 251);
    }
    struct writing writing = {
        .head = {text, head_length}, .body = {text + head_length, body_length}, .is_last = is_last};
    struct gate_buffer wire = transmit(&writing, piece);
    struct gate_buffer output;
    assert_true(writing.is_written);
    assert_int_equal(join_output(&wire, &output), is_last);
    assert_int_equal(output.length, head_length + body_length);
    if (output.length > 0) {
        assert_memory_equal(output.data, text, output.length);
    }
    gate_buffer_done(&output);
    gate_buffer_done(&wire);
    test_free(text);
}

static void test_record__carries_every_length_across_record_ends(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 65527, 65528, 65529, 131056, 131057, 300000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        check_transmission(0, lengths[i], true, 8192);
        check_transmission(200, lengths[i], true, 8192);
        check_transmission(lengths[i], 3, false, 8192);
    }
}

static void test_record__writes_on_where_a_full_socket_stopped_it(void **state) {
    (void)state;
    check_transmission(300, 100000, true, 7);
}

static void test_record__nothing_that_does_not_end_is_nothing_on_the_wire(void **state) {
    (void)state;
    struct writing writing = {.is_last = false};
    struct gate_buffer wire = transmit(&writing, 100);
    assert_true(writing.is_written);
    assert_int_equal(wire.length, 0);
    gate_buffer_done(&wire);
}

static void test_record__a_peer_that_left_is_an_error_and_no_signal(void **state) {
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    close(fds[1]);
    assert_false(gate_fcgi_record_write(fds[0], REQUEST_ID, (struct gate_fcgi_span){"abc", 3},
                                        (struct gate_fcgi_span){NULL, 0}, true));
    close(fds[0]);
}

static void test_append__is_what_write_would_send(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 65527, 65528, 65529, 131056, 131057, 300000};
    char *text = test_malloc(300000);
    for (size_t i = 0; i < 300000; i++) {
        text[i] = (char)(i * 31 % 251);
    }
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0] * 4; i++) {
        struct writing writing = {
            .head = {text, i % 2 == 0 ? 0 : 200},
            .body = {text, lengths[i / 4]},
            .is_last = i % 4 >= 2,
        };
        struct gate_buffer wire = transmit(&writing, 8192);
        struct gate_buffer out;
        gate_buffer_init(&out, SIZE_MAX / 2);
        gate_fcgi_record_append(&out, REQUEST_ID, writing.head, writing.body, writing.is_last);
        assert_int_equal(out.length, wire.length);
        assert_memory_equal(gate_buffer_text(&out), gate_buffer_text(&wire), out.length);
        gate_buffer_done(&out);
        gate_buffer_done(&wire);
    }
    test_free(text);
}

static void test_append_abort__is_a_record_that_no_server_sends(void **state) {
    (void)state;
    struct gate_buffer out;
    gate_buffer_init(&out, 100);
    gate_fcgi_record_append_abort(&out, REQUEST_ID);
    int type;
    assert_int_equal(read_header(&out, 0, &type), 0);
    assert_int_equal(type, GATE_TEST_FCGI_ABORT);
    assert_int_equal(out.length, 8);
    gate_buffer_done(&out);
}

static void test_send__stops_where_the_peer_takes_no_more_and_goes_on(void **state) {
    (void)state;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    const int size = SMALL_BUFFER_BYTES;
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    char *text = test_malloc(300000);
    memset(text, 'x', 300000);
    struct gate_buffer out;
    gate_buffer_init(&out, SIZE_MAX / 2);
    gate_fcgi_record_append(&out, REQUEST_ID, (struct gate_fcgi_span){NULL, 0},
                            (struct gate_fcgi_span){text, 300000}, true);
    size_t sent = 0;
    size_t received = 0;
    int blocked = 0;
    enum gate_fcgi_sent result;
    while ((result = gate_fcgi_record_send(fds[0], &out, &sent)) == GATE_FCGI_BLOCKED) {
        char bytes[5000];
        assert_true(sent < out.length);
        blocked++;
        const ssize_t count = read(fds[1], bytes, sizeof bytes);
        assert_true(count > 0);
        assert_memory_equal(bytes, out.data + received, count);
        received += (size_t)count;
    }
    assert_int_equal(result, GATE_FCGI_SENT);
    assert_int_equal(sent, out.length);
    assert_true(blocked > 1);
    sent = 0;
    close(fds[1]);
    assert_int_equal(gate_fcgi_record_send(fds[0], &out, &sent), GATE_FCGI_GONE);
    close(fds[0]);
    gate_buffer_done(&out);
    test_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record__carries_every_length_across_record_ends),
        cmocka_unit_test(test_record__writes_on_where_a_full_socket_stopped_it),
        cmocka_unit_test(test_record__nothing_that_does_not_end_is_nothing_on_the_wire),
        cmocka_unit_test(test_record__a_peer_that_left_is_an_error_and_no_signal),
        cmocka_unit_test(test_append__is_what_write_would_send),
        cmocka_unit_test(test_append_abort__is_a_record_that_no_server_sends),
        cmocka_unit_test(test_send__stops_where_the_peer_takes_no_more_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
