/*
 * A Modbus device made of libmodbus, which shares no code with ours.
 *
 *     libmodbus_device tcp              says "port N" and serves unit 1
 *     libmodbus_device rtu PATH         says "ready" and serves unit 17 on a serial line, 115200 8N1
 *
 * Registers hold numbers in libmodbus's own macros and orders, holding and input registers alike:
 *     0 float 1234.5, 8 int32 -123456789, 10 int64 -1234567890123456
 *     14 the bits 1010 0101 1100 0011
 * Whatever is written is said as libmodbus has it then, one line a write; numbers are decoded by libmodbus:
 *     write FUNCTION ADDRESS COUNT register float int32 int64
 *     coil FUNCTION ADDRESS value
 */
#include <arpa/inet.h>
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static modbus_mapping_t *map;

static void fill(uint16_t *registers) {
  modbus_set_float(1234.5f, registers + 0);
  MODBUS_SET_INT32_TO_INT16(registers, 8, -123456789);
  MODBUS_SET_INT64_TO_INT16(registers, 10, -1234567890123456LL);
  registers[14] = 0xa5c3;
}

static void tell(const uint8_t *pdu) {
  int address = pdu[1] << 8 | pdu[2];
  int count = pdu[0] == 16 ? pdu[3] << 8 | pdu[4] : 1;
  const uint16_t *at = map->tab_registers + address;
  if (pdu[0] == 5 || pdu[0] == 15)
    printf("coil %d %d %d\n", pdu[0], address, map->tab_bits[address]);
  else if (pdu[0] == 6 || pdu[0] == 16 || pdu[0] == 22)
    printf("write %d %d %d %d %.9g %d %lld\n", pdu[0], address, count, *at, modbus_get_float(at),
           (int)MODBUS_GET_INT32_FROM_INT16(at, 0), (long long)MODBUS_GET_INT64_FROM_INT16(at, 0));
  else
    return;
  fflush(stdout);
}

static void serve(modbus_t *device) {
  uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
  for (;;) {
    int length = modbus_receive(device, request);
    if (length < 0 && errno != ETIMEDOUT && errno != EMBBADCRC) return;
    if (length <= 0) continue;
    if (modbus_reply(device, request, length, map) < 0) return;
    tell(request + modbus_get_header_length(device));
  }
}

int main(int argc, char **argv) {
  map = modbus_mapping_new(100, 100, 200, 200);
  fill(map->tab_registers);
  fill(map->tab_input_registers);
  map->tab_input_bits[3] = 1;
  if (argc == 3 && strcmp(argv[1], "rtu") == 0) {
    modbus_t *device = modbus_new_rtu(argv[2], 115200, 'N', 8, 1);
    modbus_set_slave(device, 17);
    if (modbus_connect(device) < 0) return 1;
    puts("ready");
    fflush(stdout);
    for (;;) serve(device);
  }
  modbus_t *device = modbus_new_tcp("127.0.0.1", 0);
  int listener = modbus_tcp_listen(device, 1);
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  if (listener < 0 || getsockname(listener, (struct sockaddr *)&address, &size) < 0) return 1;
  printf("port %d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    if (modbus_tcp_accept(device, &listener) < 0) return 1;
    serve(device);
    close(modbus_get_socket(device));
  }
}
