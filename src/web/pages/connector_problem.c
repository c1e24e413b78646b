#include "web/pages/connector_problem.h"

#include "web/page.h"
#include "web/route.h"

void gate_connector_page_fail(struct gate_request *request, enum gate_err err,
                              const char *retry_url) {
    const char *again = retry_url == NULL ? "/" : retry_url;
    switch (err) {
    case GATE_ERR_NOT_FOUND:
        gate_page_problem(
            request, 404, "There is no such connector",
            "It may have been taken away, or the link is mistyped. Nothing was changed.", "/",
            "See all connectors");
        return;
    case GATE_ERR_UNAVAILABLE:
    case GATE_ERR_TIMEOUT:
    case GATE_ERR_UPSTREAM:
        gate_page_problem(request, 503, "That did not work just now",
                          "The service that keeps your connections did not answer as it should. "
                          "Nothing was changed. Please try again in a moment.",
                          again, "Try again");
        return;
    case GATE_ERR_BUSY:
    case GATE_ERR_RATE_LIMITED:
        gate_page_problem(request, 503, "Very busy right now",
                          "Nothing was changed. Please try again in a moment.", again, "Try again");
        return;
    case GATE_ERR_OUTCOME_UNKNOWN:
        gate_page_problem(request, 504, "We cannot tell whether it worked",
                          "The request was sent, but no answer came. Look at the connector to see "
                          "how it is now.",
                          again, "Look again");
        return;
    default:
        gate_request_fail(request, err);
        return;
    }
}
