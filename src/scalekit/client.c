#include "scalekit/client.h"

#include <stdlib.h>
#include <string.h>

gate_scalekit *gate_scalekit_new(const struct gate_scalekit_options *options) {
    gate_scalekit *scalekit = calloc(1, sizeof *scalekit);
    char *url = strdup(options->url);
    if (scalekit == NULL || url == NULL) {
        abort();
    }
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/') {
        url[--length] = '\0';
    }
    scalekit->url = url;
    scalekit->client_id = options->client_id;
    scalekit->client_secret = options->client_secret;
    scalekit->net = options->net;
    scalekit->clock = options->clock;
    scalekit->runqueue = options->runqueue;
    atomic_init(&scalekit->references, 1);
    pthread_mutex_init(&scalekit->lock, NULL);
    return scalekit;
}

void gate_scalekit_release(gate_scalekit *scalekit) {
    if (atomic_fetch_sub(&scalekit->references, 1) > 1) {
        return;
    }
    gate_scalekit_token_release(scalekit->token);
    pthread_mutex_destroy(&scalekit->lock);
    free(scalekit->url);
    free(scalekit);
}

void gate_scalekit_free(gate_scalekit *scalekit) {
    if (scalekit != NULL) {
        gate_scalekit_release(scalekit);
    }
}
