/* All tables of a run. */
#include "support/stream_help.h"
#include "tables/output.h"

static struct mt_output output;
static struct mt_limits limits;

static void test_tables(void)
{
    limits = mt_default_limits;
    mt_output_init(&output, &limits, 1u << MT_TABLE_messages | 1u << MT_TABLE_problems);
    for (int id = 0; id < MT_TABLE_COUNT; id++) {
        CHECK_EQUAL(output.tables[id].wanted, id == MT_TABLE_messages || id == MT_TABLE_problems);
        CHECK_EQUAL(output.tables[id].row_size, mt_schemas[id].row_size);
    }
    mt_output_free(&output);
}

int main(void)
{
    test_tables();
    FINISH("test_output");
}
