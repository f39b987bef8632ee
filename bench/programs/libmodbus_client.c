/*
 * The limit for a Modbus driver: libmodbus in C, on the same server.
 *
 *     libmodbus_client HOST PORT write-and-read COUNT    one register, written and read back
 *     libmodbus_client HOST PORT poll COUNT              1,000 holding registers, in eight requests
 *
 * Prints one line for each time that it was done: how many nanoseconds it took.
 */
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WARM_UP 50

static long long now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static int write_and_read(modbus_t *device, int round) {
  uint16_t found;
  int value = 1 + round % 1000;
  return modbus_write_register(device, 31, value) == 1 && modbus_read_registers(device, 31, 1, &found) == 1 && found == value;
}

static int poll_all(modbus_t *device) {
  uint16_t found[125];
  for (int at = 0; at < 1000; at += 125)
    if (modbus_read_registers(device, at, 125, found) != 125) return 0;
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  modbus_t *device = modbus_new_tcp(argv[1], atoi(argv[2]));
  modbus_set_slave(device, 1);
  if (modbus_connect(device) < 0) return 1;
  int polls = strcmp(argv[3], "poll") == 0;
  for (int round = -WARM_UP; round < atoi(argv[4]); round += 1) {
    long long began = now();
    if (!(polls ? poll_all(device) : write_and_read(device, round + WARM_UP))) return 1;
    if (round >= 0) printf("%lld\n", now() - began);
  }
  return 0;
}
