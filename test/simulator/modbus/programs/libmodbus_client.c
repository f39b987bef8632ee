/*
 * A Modbus client made of libmodbus, which shares no code with ours.
 *
 *     libmodbus_client tcp HOST PORT        as unit 1's master
 *     libmodbus_client rtu PATH             the same on a serial line, 19200 8N1
 *
 * Says "ready", then answers each line of its input with one line:
 *
 *     read TABLE ADDRESS COUNT              the values
 *     write TABLE ADDRESS VALUE             "ok"; functions 5 and 6
 *     write-many TABLE ADDRESS VALUE ...    "ok"; functions 15 and 16
 *     number TABLE ADDRESS TYPE             a number in registers by its own macros: float (words little), int32, int64 (words big)
 *     put-number ADDRESS TYPE VALUE         "ok"; function 16
 *     mask ADDRESS AND OR                   "ok"; function 22
 *     exchange ADDRESS COUNT ADDRESS VALUE ...  what it reads, having written; function 23
 *
 * TABLE is coil, discrete-input, holding-register or input-register. What goes wrong is "exception CODE", or "error" in words.
 */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t bits[MODBUS_MAX_READ_BITS];
static uint16_t registers[MODBUS_MAX_READ_REGISTERS];

static int is(const char *word, const char *other) { return word != NULL && strcmp(word, other) == 0; }

static int next(void) {
  const char *word = strtok(NULL, " \n");
  return word == NULL ? 0 : atoi(word);
}

static int read_cells(modbus_t *device, const char *table, int address, int count) {
  if (is(table, "coil")) return modbus_read_bits(device, address, count, bits);
  if (is(table, "discrete-input")) return modbus_read_input_bits(device, address, count, bits);
  if (is(table, "holding-register")) return modbus_read_registers(device, address, count, registers);
  return modbus_read_input_registers(device, address, count, registers);
}

static int write_cells(modbus_t *device, const char *table, int address) {
  int count = 0;
  for (const char *word; count < MODBUS_MAX_WRITE_BITS && (word = strtok(NULL, " \n")) != NULL; count += 1) {
    bits[count] = atoi(word);
    if (count < MODBUS_MAX_WRITE_REGISTERS) registers[count] = atoi(word);
  }
  return is(table, "coil") ? modbus_write_bits(device, address, count, bits)
                           : modbus_write_registers(device, address, count, registers);
}

static int width(const char *type) { return is(type, "int64") ? 4 : 2; }

/* Says a number, as libmodbus takes it out of the registers. */
static void say_number(const char *type) {
  if (is(type, "float")) printf("%.9g", modbus_get_float(registers));
  else if (is(type, "int32")) printf("%d", (int)MODBUS_GET_INT32_FROM_INT16(registers, 0));
  else printf("%lld", (long long)MODBUS_GET_INT64_FROM_INT16(registers, 0));
}

static int put_number(modbus_t *device, int address) {
  const char *type = strtok(NULL, " \n");
  const char *value = strtok(NULL, " \n");
  if (is(type, "float")) modbus_set_float(strtof(value, NULL), registers);
  else if (is(type, "int32")) MODBUS_SET_INT32_TO_INT16(registers, 0, atoi(value));
  else MODBUS_SET_INT64_TO_INT16(registers, 0, atoll(value));
  return modbus_write_registers(device, address, width(type), registers);
}

static const char *number_type;

static int obey(modbus_t *device, char *line, int *shown, int *are_bits) {
  const char *verb = strtok(line, " \n");
  const char *table = strtok(NULL, " \n");
  *are_bits = 0;
  *shown = 0;
  number_type = NULL;
  if (is(verb, "mask")) {
    int address = table == NULL ? 0 : atoi(table), and_mask = next();
    return modbus_mask_write_register(device, address, and_mask, next());
  }
  if (is(verb, "exchange")) {
    static uint16_t written[MODBUS_MAX_WR_WRITE_REGISTERS];
    int from = table == NULL ? 0 : atoi(table), count = 0;
    *shown = next();
    int to = next();
    for (const char *word; count < MODBUS_MAX_WR_WRITE_REGISTERS && (word = strtok(NULL, " \n")) != NULL; count += 1)
      written[count] = atoi(word);
    return modbus_write_and_read_registers(device, to, count, written, from, *shown, registers);
  }
  if (is(verb, "put-number")) return put_number(device, table == NULL ? 0 : atoi(table));
  int address = next();
  *are_bits = is(table, "coil") || is(table, "discrete-input");
  if (is(verb, "number")) {
    number_type = strtok(NULL, " \n");
    return read_cells(device, table, address, width(number_type));
  }
  if (is(verb, "read")) {
    *shown = next();
    return read_cells(device, table, address, *shown);
  }
  if (is(verb, "write-many")) return write_cells(device, table, address);
  return *are_bits ? modbus_write_bit(device, address, next()) : modbus_write_register(device, address, next());
}

int main(int argc, char **argv) {
  modbus_t *device = argc == 4 ? modbus_new_tcp(argv[2], atoi(argv[3])) : modbus_new_rtu(argv[2], 19200, 'N', 8, 1);
  modbus_set_slave(device, 1);
  /* Only a test that hangs ever meets it. */
  modbus_set_response_timeout(device, 10, 0);
  if (modbus_connect(device) < 0) return 1;
  puts("ready");
  fflush(stdout);
  static char line[16384];
  while (fgets(line, sizeof line, stdin)) {
    int shown, are_bits;
    int outcome = obey(device, line, &shown, &are_bits);
    if (outcome < 0 && errno > MODBUS_ENOBASE && errno < EMBBADCRC) printf("exception %d", errno - MODBUS_ENOBASE);
    else if (outcome < 0) printf("error %s", modbus_strerror(errno));
    else if (number_type != NULL) say_number(number_type);
    else if (shown == 0) printf("ok");
    for (int i = 0; outcome >= 0 && i < shown; i += 1) printf(i == 0 ? "%d" : " %d", are_bits ? bits[i] : registers[i]);
    puts("");
    fflush(stdout);
  }
  return 0;
}
