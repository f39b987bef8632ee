"""A Modbus client made of pymodbus, which shares no code with ours.

    pymodbus_client.py tcp HOST PORT        as unit 1's master
    pymodbus_client.py rtu-over-tcp HOST PORT
    pymodbus_client.py rtu PATH             the same on a serial line, 19200 8N1

Says "ready", then answers each line of its input with one line:

    read TABLE ADDRESS COUNT                the values
    write TABLE ADDRESS VALUE               "ok"; functions 5 and 6
    write-many TABLE ADDRESS VALUE ...      "ok"; functions 15 and 16

TABLE is coil, discrete-input, holding-register or input-register. What goes wrong is "exception CODE", or "error" in words.
"""

import sys

from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.transaction import ModbusRtuFramer

# Only a test that hangs ever meets it.
PATIENCE = 10


def client_of(way, *where):
    if way == "rtu":
        return ModbusSerialClient(where[0], baudrate=19200, parity="N", timeout=PATIENCE)
    framing = {"framer": ModbusRtuFramer} if way == "rtu-over-tcp" else {}
    return ModbusTcpClient(where[0], port=int(where[1]), timeout=PATIENCE, **framing)


def ask(client, verb, table, address, values):
    is_bits = table in ("coil", "discrete-input")
    if verb == "read":
        read = {
            "coil": client.read_coils,
            "discrete-input": client.read_discrete_inputs,
            "holding-register": client.read_holding_registers,
            "input-register": client.read_input_registers,
        }[table]
        return read(address, values[0], slave=1)
    if verb == "write-many":
        write = client.write_coils if is_bits else client.write_registers
        return write(address, [bool(value) for value in values] if is_bits else values, slave=1)
    if is_bits:
        return client.write_coil(address, bool(values[0]), slave=1)
    return client.write_register(address, values[0], slave=1)


def obey(client, line):
    verb, table, *numbers = line.split()
    address, *values = [int(number) for number in numbers]
    try:
        answer = ask(client, verb, table, address, values)
    except ModbusException as error:
        return f"error {error}"
    if answer.isError():
        code = getattr(answer, "exception_code", None)
        return f"error {answer}" if code is None else f"exception {code}"
    if verb != "read":
        return "ok"
    # Bits come in whole bytes.
    shown = answer.bits[: values[0]] if table in ("coil", "discrete-input") else answer.registers
    return " ".join(str(int(value)) for value in shown)


master = client_of(*sys.argv[1:])
if not master.connect():
    sys.exit("no connection")
print("ready", flush=True)
for asked in sys.stdin:
    print(obey(master, asked), flush=True)
