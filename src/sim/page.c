#include "sim/page.h"

#include <stdarg.h>
#include <string.h>

#include "sim/answer.h"

static const char page_policy[] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                                  "base-uri 'none'; frame-ancestors 'none'";

static const char page_style[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:12vh auto;padding:0 1rem;"
    "color:#1b1f24;background:#f6f7f9}"
    "main{background:#fff;border:1px solid #d7dbe0;border-radius:8px;padding:1.5rem 2rem}"
    "h1{font-size:1.3rem}"
    "label{display:block;margin:1rem 0}"
    "input:not([type=hidden]){display:block;width:100%;box-sizing:border-box;font:inherit;"
    "padding:.5rem;border:1px solid #868e98;border-radius:4px}"
    "button{font:inherit;padding:.6rem 1.2rem;margin:.3rem .5rem .3rem 0;border-radius:6px;"
    "border:1px solid #1d4ed8;background:#1d4ed8;color:#fff;cursor:pointer}"
    "button.quiet{background:#fff;color:#1b1f24;border-color:#868e98}"
    "button:focus-visible,input:focus-visible{outline:3px solid #93b4ff;outline-offset:2px}"
    "footer{color:#59616b;font-size:.85rem;margin-top:1rem}";

static void append_escaped(struct gate_buffer *buffer, const char *text) {
    for (; text != NULL && *text != '\0'; text++) {
        switch (*text) {
        case '&':
            gate_buffer_append_text(buffer, "&amp;");
            break;
        case '<':
            gate_buffer_append_text(buffer, "&lt;");
            break;
        case '>':
            gate_buffer_append_text(buffer, "&gt;");
            break;
        case '"':
            gate_buffer_append_text(buffer, "&quot;");
            break;
        case '\'':
            gate_buffer_append_text(buffer, "&#39;");
            break;
        default:
            gate_buffer_append(buffer, text, 1);
        }
    }
}

void gate_sim_page_write(struct gate_sim_exchange *exchange, const char *format, ...) {
    struct gate_buffer *buffer = &exchange->answer.body;
    va_list arguments;
    va_start(arguments, format);
    for (const char *hole = strstr(format, "%s"); hole != NULL; hole = strstr(format, "%s")) {
        gate_buffer_append(buffer, format, (size_t)(hole - format));
        append_escaped(buffer, va_arg(arguments, const char *));
        format = hole + 2;
    }
    va_end(arguments);
    gate_buffer_append_text(buffer, format);
}

void gate_sim_page_open(struct gate_sim_exchange *exchange, int status, const char *title) {
    gate_sim_answer_start(exchange, status, "text/html; charset=utf-8");
    gate_sim_answer_header(exchange, "Content-Security-Policy", page_policy);
    gate_sim_answer_header(exchange, "Referrer-Policy", "no-referrer");
    gate_sim_answer_header(exchange, "X-Content-Type-Options", "nosniff");
    gate_sim_answer_header(exchange, "Cache-Control", "no-store");
    gate_sim_page_write(exchange,
                        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                        "<meta name=\"viewport\" content=\"width=device-width\">"
                        "<link rel=\"icon\" href=\"data:,\"><title>%s</title><style>",
                        title);
    gate_buffer_append_text(&exchange->answer.body, page_style);
    gate_sim_page_write(exchange, "</style></head><body><main><h1>%s</h1>\n", title);
}

void gate_sim_page_close(struct gate_sim_exchange *exchange) {
    gate_buffer_append_text(&exchange->answer.body,
                            "</main><footer>Scalekit simulator: nothing here is real."
                            "</footer></body></html>\n");
}

void gate_sim_page_say(struct gate_sim_exchange *exchange, int status, const char *title,
                       const char *sentence) {
    gate_sim_page_open(exchange, status, title);
    gate_sim_page_write(exchange, "<p>%s</p>\n", sentence);
    gate_sim_page_close(exchange);
}
