#include "tables/output.h"

void mt_output_init(struct mt_output *output, const struct mt_limits *limits, uint32_t tables)
{
    *output = (struct mt_output){.limits = limits};
    output->buffered =
        (struct mt_budget){.limit = &limits->buffered_bytes,
                           .limit_hits = &output->limit_hits[MT_LIMIT_buffered_bytes]};
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        mt_table_init(&output->tables[id], (enum mt_table_id)id, (tables >> id & 1) != 0);
    mt_addresses_init(&output->addresses, (size_t)limits->addresses);
    mt_intern_init(&output->strings, (size_t)limits->strings);
}

void mt_output_free(struct mt_output *output)
{
    for (int id = 0; id < MT_TABLE_COUNT; id++)
        mt_table_free(&output->tables[id]);
    mt_addresses_free(&output->addresses);
    mt_intern_free(&output->strings);
}
