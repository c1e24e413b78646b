#include "support/cases.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"

/* A TLS server with a certificate that it signed itself, one connection at a time. */
struct tls_server {
    SSL_CTX *ssl_ctx;
    int listen_fd;
    int port;
    pthread_t thread;
    atomic_int request_count;
    atomic_int handshake_count;
    char ca_file[64];
};

static X509 *make_certificate(EVP_PKEY *key, const char *host) {
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    char names[128];
    snprintf(names, sizeof names, "DNS:%s", host);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(certificate, key, EVP_sha256());
    return certificate;
}

static void serve_connection(struct tls_server *server, int fd) {
    SSL *ssl = SSL_new(server->ssl_ctx);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) {
        server->handshake_count++;
        char bytes[4096];
        static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        int length;
        while ((length = SSL_read(ssl, bytes, sizeof bytes)) > 0) {
            if (length < 6 || memcmp(bytes + length - 6, "secret", 6) != 0) {
                continue; /* the head; the body follows */
            }
            server->request_count++;
            SSL_write(ssl, answer, sizeof answer - 1);
        }
    }
    SSL_free(ssl);
    close(fd);
}

static void *serve(void *state) {
    struct tls_server *server = state;
    int fd;
    while ((fd = accept(server->listen_fd, NULL, NULL)) >= 0) {
        serve_connection(server, fd);
    }
    return NULL;
}

static void start_server(struct tls_server *server, const char *host) {
    memset(server, 0, sizeof *server);
    signal(SIGPIPE, SIG_IGN);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key, host);
    snprintf(server->ca_file, sizeof server->ca_file, "/tmp/gate_test_ca_XXXXXX");
    FILE *file = fdopen(mkstemp(server->ca_file), "w");
    assert_non_null(file);
    PEM_write_X509(file, certificate);
    fclose(file);
    server->ssl_ctx = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(server->ssl_ctx, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(server->ssl_ctx, key), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    server->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    assert_int_equal(bind(server->listen_fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(server->listen_fd, 16), 0);
    assert_int_equal(getsockname(server->listen_fd, (struct sockaddr *)&address, &length), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop_server(struct tls_server *server) {
    shutdown(server->listen_fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listen_fd);
    SSL_CTX_free(server->ssl_ctx);
    unlink(server->ca_file);
}

static void note_end(struct gate_ctx *ctx, enum gate_err err, void *state) {
    (void)ctx;
    (void)err;
    *(bool *)state = true;
}

static enum gate_err fetch_over_tls(gate_net *net, const struct tls_server *server) {
    gate_runqueue *queue = gate_runqueue_new();
    struct gate_ctx *ctx = gate_ctx_new(&gate_clock_system, queue, NULL);
    struct gate_net_request request = {
        .method = "POST",
        .url = gate_arena_printf(ctx->arena, "https://localhost:%d/", server->port),
        .body = "secret",
        .body_length = 6,
        .timeout_ms = 10000,
        .max_response_bytes = 1000,
    };
    struct gate_net_response response = {0};
    bool is_done = false;
    gate_net_fetch(ctx, net, &request, &response, note_end, &is_done);
    gate_runqueue_run_until(queue, &is_done);
    enum gate_err err = ctx->error.kind;
    if (err == GATE_OK) {
        assert_int_equal(response.status, 200);
        assert_string_equal(response.body, "ok");
    }
    gate_ctx_free(ctx);
    gate_runqueue_free(queue);
    return err;
}

static gate_net *open_net(const char *ca_file) {
    struct gate_net_options options = {
        .connections_max = 2, .in_flight_max = 10, .ca_file = ca_file, .clock = &gate_clock_system};
    struct gate_error error = {0};
    gate_net *net = NULL;
    assert_int_equal(gate_net_new(&options, &error, &net), GATE_OK);
    return net;
}

static void test_fetch__certificate_from_the_configured_file(void **state) {
    (void)state;
    struct tls_server server;
    start_server(&server, "localhost");
    gate_net *net = open_net(server.ca_file);
    assert_int_equal(fetch_over_tls(net, &server), GATE_OK);
    assert_int_equal(fetch_over_tls(net, &server), GATE_OK);
    gate_net_free(net);
    stop_server(&server);
    assert_int_equal(server.request_count, 2);
    assert_int_equal(server.handshake_count, 1); /* the connection was kept */
}

static void test_fetch__certificate_nobody_vouches_for(void **state) {
    (void)state;
    struct tls_server server;
    start_server(&server, "localhost");
    gate_net *net = open_net(NULL);
    assert_int_equal(fetch_over_tls(net, &server), GATE_ERR_UNAVAILABLE);
    gate_net_free(net);
    stop_server(&server);
    assert_int_equal(server.request_count, 0);
}

static void test_fetch__certificate_for_another_host(void **state) {
    (void)state;
    struct tls_server server;
    start_server(&server, "other.example");
    gate_net *net = open_net(server.ca_file);
    assert_int_equal(fetch_over_tls(net, &server), GATE_ERR_UNAVAILABLE);
    gate_net_free(net);
    stop_server(&server);
    assert_int_equal(server.request_count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fetch__certificate_from_the_configured_file),
        cmocka_unit_test(test_fetch__certificate_nobody_vouches_for),
        cmocka_unit_test(test_fetch__certificate_for_another_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
