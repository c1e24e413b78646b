#include "support/cases.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi/listener.h"
#include "support/fcgi_client.h"

struct place {
    char directory[64];
    char path[96];
    struct gate_error error;
    struct gate_fcgi_listener listener;
};

static int make_place(void **state) {
    struct place *place = calloc(1, sizeof *place);
    snprintf(place->directory, sizeof place->directory, "/tmp/gate-listener-XXXXXX");
    if (place == NULL || mkdtemp(place->directory) == NULL) {
        return -1;
    }
    snprintf(place->path, sizeof place->path, "%s/fcgi.sock", place->directory);
    place->listener.fd = -1;
    *state = place;
    return 0;
}

static int remove_place(void **state) {
    struct place *place = *state;
    gate_fcgi_listener_close(&place->listener);
    unlink(place->path);
    rmdir(place->directory);
    free(place);
    return 0;
}

static enum gate_err listen_at(struct place *place, const char *path) {
    return gate_fcgi_listen(path, NULL, NULL, &place->error, &place->listener);
}

static void require_failure(struct place *place, const char *path, const char *part_of_message) {
    assert_int_equal(listen_at(place, path), GATE_ERR_CONFIG);
    assert_non_null(strstr(place->error.message, part_of_message));
    assert_int_equal(place->listener.fd, -1);
}

static void test_listen__makes_a_socket_for_owner_and_group(void **state) {
    struct place *place = *state;
    assert_int_equal(listen_at(place, place->path), GATE_OK);
    struct stat made;
    assert_int_equal(lstat(place->path, &made), 0);
    assert_true(S_ISSOCK(made.st_mode));
    assert_int_equal(made.st_mode & 0777, 0660);
    assert_true(fcntl(place->listener.fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(place->listener.fd, F_GETFD) & FD_CLOEXEC);
    const int peer = gate_test_fcgi_connect(place->path);
    assert_true(peer >= 0);
    close(peer);
}

static void test_listen__replaces_the_socket_of_a_dead_process(void **state) {
    struct place *place = *state;
    assert_int_equal(listen_at(place, place->path), GATE_OK);
    close(place->listener.fd); /* as if killed: the path stays */
    assert_int_equal(listen_at(place, place->path), GATE_OK);
    const int peer = gate_test_fcgi_connect(place->path);
    assert_true(peer >= 0);
    close(peer);
}

static void test_listen__leaves_a_live_socket_alone(void **state) {
    struct place *place = *state;
    struct gate_fcgi_listener other;
    assert_int_equal(gate_fcgi_listen(place->path, NULL, NULL, &place->error, &other), GATE_OK);
    require_failure(place, place->path, "another process is listening");
    const int peer = gate_test_fcgi_connect(place->path);
    assert_true(peer >= 0);
    close(peer);
    gate_fcgi_listener_close(&other);
}

static void test_listen__leaves_a_file_that_is_no_socket_alone(void **state) {
    struct place *place = *state;
    const int fd = open(place->path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    require_failure(place, place->path, "not a socket");
    assert_int_equal(access(place->path, F_OK), 0);
}

static void test_listen__names_what_is_wrong_with_a_path(void **state) {
    struct place *place = *state;
    char missing[128];
    snprintf(missing, sizeof missing, "%s/nowhere/fcgi.sock", place->directory);
    require_failure(place, missing, "nowhere");
    gate_error_clear(&place->error);
    char too_long[128];
    memset(too_long, 'a', sizeof too_long);
    memcpy(too_long, "/tmp/", 5);
    too_long[108] = '\0';
    require_failure(place, too_long, "108 bytes");
    gate_error_clear(&place->error);
    require_failure(place, NULL, "no socket");
    gate_error_clear(&place->error);
    require_failure(place, "", "no socket");
}

static void test_listen__takes_the_longest_path(void **state) {
    struct place *place = *state;
    char path[108];
    memset(path, 'a', sizeof path);
    memcpy(path, place->directory, strlen(place->directory));
    path[strlen(place->directory)] = '/';
    path[107] = '\0';
    assert_int_equal(listen_at(place, path), GATE_OK);
    gate_fcgi_listener_close(&place->listener);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void test_close__removes_only_its_own_socket(void **state) {
    struct place *place = *state;
    assert_int_equal(listen_at(place, place->path), GATE_OK);
    gate_fcgi_listener_close(&place->listener);
    assert_int_not_equal(access(place->path, F_OK), 0);

    assert_int_equal(listen_at(place, place->path), GATE_OK);
    /* The inode number of a removed file may come back at once; a second name holds on to it. */
    char kept[128];
    snprintf(kept, sizeof kept, "%s.kept", place->path);
    assert_int_equal(rename(place->path, kept), 0);
    struct gate_fcgi_listener successor;
    assert_int_equal(gate_fcgi_listen(place->path, NULL, NULL, &place->error, &successor), GATE_OK);
    gate_fcgi_listener_close(&place->listener);
    assert_int_equal(access(place->path, F_OK), 0);
    gate_fcgi_listener_close(&successor);
    unlink(kept);
}

static void test_retire__keeps_who_waits_already(void **state) {
    struct place *place = *state;
    assert_int_equal(listen_at(place, place->path), GATE_OK);
    const int peer = gate_test_fcgi_connect(place->path);
    gate_fcgi_listener_retire(&place->listener);
    assert_int_equal(gate_test_fcgi_connect(place->path), -1);
    const int accepted = accept(place->listener.fd, NULL, NULL);
    assert_true(accepted >= 0);
    close(accepted);
    close(peer);
}

/* Run gate_fcgi_listen as if systemd had put `fd` at descriptor 3. */
static enum gate_err take_over(struct place *place, int fd, const char *listen_fds) {
    char pid[24];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    const int kept = fcntl(3, F_DUPFD_CLOEXEC, 10); /* whatever the test program has there */
    dup2(fd, 3);
    const enum gate_err err =
        gate_fcgi_listen("/unused", pid, listen_fds, &place->error, &place->listener);
    if (err == GATE_OK) {
        place->listener.fd = fcntl(3, F_DUPFD_CLOEXEC, 10);
    }
    close(3);
    if (kept >= 0) {
        dup2(kept, 3);
        close(kept);
    }
    return err;
}

static void test_listen__takes_a_socket_handed_over(void **state) {
    struct place *place = *state;
    struct gate_fcgi_listener systemd;
    assert_int_equal(gate_fcgi_listen(place->path, NULL, NULL, &place->error, &systemd), GATE_OK);
    assert_int_equal(take_over(place, systemd.fd, "1"), GATE_OK);
    assert_false(place->listener.is_ours);
    const int peer = gate_test_fcgi_connect(place->path);
    const int accepted = accept(place->listener.fd, NULL, NULL);
    assert_true(accepted >= 0);
    close(accepted);
    close(peer);
    gate_fcgi_listener_close(&place->listener);
    assert_int_equal(access(place->path, F_OK), 0);
    gate_fcgi_listener_close(&systemd);
}

static void test_listen__refuses_what_is_handed_over_wrongly(void **state) {
    struct place *place = *state;
    struct gate_fcgi_listener two;
    assert_int_equal(gate_fcgi_listen(place->path, NULL, NULL, &place->error, &two), GATE_OK);
    assert_int_equal(take_over(place, two.fd, "2"), GATE_ERR_CONFIG);
    assert_non_null(strstr(place->error.message, "2 sockets"));
    gate_fcgi_listener_close(&two);
    gate_error_clear(&place->error);

    const int pipe_like = open("/dev/null", O_RDONLY);
    assert_int_equal(take_over(place, pipe_like, "1"), GATE_ERR_CONFIG);
    assert_non_null(strstr(place->error.message, "not a listening socket"));
    close(pipe_like);
    gate_error_clear(&place->error);

    const int tcp = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(listen(tcp, 1), 0);
    assert_int_equal(take_over(place, tcp, "1"), GATE_ERR_CONFIG);
    assert_non_null(strstr(place->error.message, "not a unix socket"));
    close(tcp);
}

static void test_listen__ignores_a_hand_over_meant_for_another_process(void **state) {
    struct place *place = *state;
    assert_int_equal(gate_fcgi_listen(place->path, "1", "1", &place->error, &place->listener),
                     GATE_OK);
    assert_true(place->listener.is_ours);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, make_place, remove_place)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_listen__makes_a_socket_for_owner_and_group),
        CASE(test_listen__replaces_the_socket_of_a_dead_process),
        CASE(test_listen__leaves_a_live_socket_alone),
        CASE(test_listen__leaves_a_file_that_is_no_socket_alone),
        CASE(test_listen__names_what_is_wrong_with_a_path),
        CASE(test_listen__takes_the_longest_path),
        CASE(test_close__removes_only_its_own_socket),
        CASE(test_retire__keeps_who_waits_already),
        CASE(test_listen__takes_a_socket_handed_over),
        CASE(test_listen__refuses_what_is_handed_over_wrongly),
        CASE(test_listen__ignores_a_hand_over_meant_for_another_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
