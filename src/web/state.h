/* Inside of gate_web, for the files of web/ only. */
#ifndef GATE_WEB_STATE_H
#define GATE_WEB_STATE_H

#include "web/web.h"

struct gate_web_metrics;

struct gate_web {
    struct gate_web_options options;
    const char *content_security_policy; /* made once at start */
    gate_arena *arena;                   /* what was made at start */
    struct gate_web_metrics *metrics;
    int64_t started_at; /* wall */
};

#endif
