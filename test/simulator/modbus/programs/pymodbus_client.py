"""A Modbus client made of pymodbus, which shares no code with ours.

    pymodbus_client.py tcp HOST PORT        as unit 1's master
    pymodbus_client.py rtu-over-tcp HOST PORT
    pymodbus_client.py rtu PATH             the same on a serial line, 19200 8N1

Says "ready", then answers each line of its input with one line:

    read TABLE ADDRESS COUNT                the values
    write TABLE ADDRESS VALUE               "ok"; functions 5 and 6
    write-many TABLE ADDRESS VALUE ...      "ok"; functions 15 and 16
    number TABLE ADDRESS TYPE BYTES WORDS   a number in registers; BYTES and WORDS are their orders, big or little
    put-number ADDRESS TYPE BYTES WORDS VALUE   "ok"; function 16
    mask ADDRESS AND OR                     "ok"; function 22
    exchange ADDRESS COUNT ADDRESS VALUE ...  what it reads, having written; function 23
    identify CODE OBJECT                    JSON; function 43/14

TABLE is coil, discrete-input, holding-register or input-register. What goes wrong is "exception CODE", or "error" in words.
"""

import json
import sys

from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.constants import Endian
from pymodbus.exceptions import ModbusException
from pymodbus.mei_message import ReadDeviceInformationRequest
from pymodbus.payload import BinaryPayloadBuilder, BinaryPayloadDecoder
from pymodbus.transaction import ModbusRtuFramer

# Only a test that hangs ever meets it.
PATIENCE = 10


ENDS = {"big": Endian.Big, "little": Endian.Little}
# Its names of a type: of what it builds and of what it decodes.
NAMES = {
    "int16": "16bit_int", "uint16": "16bit_uint", "int32": "32bit_int", "uint32": "32bit_uint",
    "int64": "64bit_int", "uint64": "64bit_uint", "float32": "32bit_float", "float64": "64bit_float",
}


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


def trouble_in(answer):
    if not answer.isError():
        return None
    code = getattr(answer, "exception_code", None)
    return f"error {answer}" if code is None else f"exception {code}"


def cells(client, verb, table, *numbers):
    address, *values = [int(number) for number in numbers]
    answer = ask(client, verb, table, address, values)
    trouble = trouble_in(answer)
    if trouble or verb != "read":
        return trouble or "ok"
    # Bits come in whole bytes.
    shown = answer.bits[: values[0]] if table in ("coil", "discrete-input") else answer.registers
    return " ".join(str(int(value)) for value in shown)


def number(client, table, address, kind, byte_order, word_order):
    answer = ask(client, "read", table, int(address), [int(kind[-2:]) // 16])
    orders = {"byteorder": ENDS[byte_order], "wordorder": ENDS[word_order]}
    decode = lambda: BinaryPayloadDecoder.fromRegisters(answer.registers, **orders)
    return trouble_in(answer) or repr(getattr(decode(), f"decode_{NAMES[kind]}")())


def put_number(client, address, kind, byte_order, word_order, value):
    builder = BinaryPayloadBuilder(byteorder=ENDS[byte_order], wordorder=ENDS[word_order])
    getattr(builder, f"add_{NAMES[kind]}")(float(value) if kind.startswith("float") else int(value))
    return trouble_in(client.write_registers(int(address), builder.to_registers(), slave=1)) or "ok"


def mask(client, address, and_mask, or_mask):
    return trouble_in(client.mask_write_register(int(address), int(and_mask), int(or_mask), unit=1)) or "ok"


def exchange(client, read_address, count, write_address, *values):
    answer = client.readwrite_registers(
        read_address=int(read_address), read_count=int(count), unit=1,
        write_address=int(write_address), write_registers=[int(value) for value in values],
    )
    return trouble_in(answer) or " ".join(str(value) for value in answer.registers)


def identify(client, code, first):
    answer = client.execute(ReadDeviceInformationRequest(int(code), int(first), unit=1))
    return trouble_in(answer) or json.dumps({
        "conformity": answer.conformity, "more": answer.more_follows, "next": answer.next_object_id,
        "objects": {key: text.decode() for key, text in answer.information.items()},
    })


OTHERS = {"number": number, "put-number": put_number, "mask": mask, "exchange": exchange, "identify": identify}


def obey(client, line):
    verb, *words = line.split()
    try:
        return OTHERS[verb](client, *words) if verb in OTHERS else cells(client, verb, *words)
    except ModbusException as error:
        return f"error {error}"


master = client_of(*sys.argv[1:])
if not master.connect():
    sys.exit("no connection")
print("ready", flush=True)
for asked in sys.stdin:
    print(obey(master, asked), flush=True)
