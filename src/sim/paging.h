/* Pages of a list whose length is known: page_token is an offset in disguise.
 *
 * Threads: confined. Errors: false, and the 400 has been answered.
 */
#ifndef GATE_SIM_PAGING_H
#define GATE_SIM_PAGING_H

#include "sim/fields.h"
#include "json/writer.h"

struct gate_sim_page {
    size_t first;
    size_t size;
    size_t total; /* counted up by gate_sim_page_takes */
};

/* Read page_size and page_token; 0 rows means `default_size`, more than `max_size` is cut. */
bool gate_sim_page_read(struct gate_sim_exchange *exchange, const struct gate_sim_input *input,
                        size_t default_size, size_t max_size,
                        struct gate_sim_page *ret_page) GATE_MUST_CHECK;

/* Count one more row that fits the filters; true when it belongs on this page. */
bool gate_sim_page_takes(struct gate_sim_page *page);

/* Write next_page_token, prev_page_token and total_size. */
void gate_sim_page_write_end(struct gate_sim_exchange *exchange, const struct gate_sim_page *page,
                             struct gate_json_writer *writer);

#endif
