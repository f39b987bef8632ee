#!/usr/bin/env perl
# Sign requests for a holdfast agent; written from docs/CREDENTIAL_FORMAT.md alone. README.md shows the calls.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 sha256);
use Getopt::Long qw(GetOptionsFromArray :config no_auto_abbrev require_order);
use IO::Socket::IP;
use IO::Socket::UNIX;
use JSON::PP;
use MIME::Base64 qw(decode_base64url encode_base64 encode_base64url);

my $COMPONENTS = '("@method" "@authority" "@path" "@query" "content-digest")';
my ($USAGE, $UNREACHABLE) = (2, 5);    # exit statuses
my $PATIENCE = 120;                    # seconds; a command is answered only when the plant's feedback is in
my $SECRET   = '[A-Za-z0-9_-]{43}';

my %COMMANDS = (
    send    => { run => \&send_request,  options => [qw(credential agent)],                   words => [qw(METHOD PATH BODY)] },
    headers => { run => \&print_headers, options => [qw(credential authority created nonce)], words => [qw(METHOD PATH BODY)] },
    narrow  => { run => \&narrow,        options => [qw(credential)],                         words => [qw(CAVEAT)] },
);

# End the program with one line on stderr.
sub fail {
    my ($status, $message) = @_;
    print STDERR "sign.pl: $message\n";
    exit $status;
}

# Fail unless all of text matches: nothing that is signed may bring a line feed or a quote of its own.
sub must_match {
    my ($text, $pattern, $complaint) = @_;
    fail($USAGE, $complaint) unless defined $text && !ref $text && $text =~ /\A(?:$pattern)\z/;
}

# Return the keyid and the 32 secret bytes of a credential file.
sub read_credential {
    my ($name) = @_;
    open my $file, '<', $name or fail($USAGE, "credential file $name: $!");
    my $credential = eval { local $/; decode_json(<$file>) };
    fail($USAGE, "credential file $name: it is not a JSON object") unless ref $credential eq 'HASH';
    my ($keyid, $secret) = @$credential{qw(keyid secret)};
    must_match($keyid, 'hf1:[!#-\[\]-~]+', "credential file $name: keyid must be hf1:... in printable ASCII");
    must_match($secret, $SECRET, "credential file $name: secret must be 32 bytes in base64url");
    return ($keyid, decode_base64url($secret));
}

# Return the three header fields for a request (steps 1 to 6).
sub signed_fields {
    my ($asked, $authority, $created, $nonce) = @_;
    my ($keyid, $secret) = read_credential($asked->{credential});
    must_match($asked->{METHOD}, '[A-Z]+', 'METHOD must be capital letters, such as POST');
    must_match($asked->{PATH}, '/[!"$-~]*', 'PATH must start with / and be printable ASCII without spaces and #');
    my ($path, $query) = split /\?/, $asked->{PATH}, 2;
    my $digest = 'sha-256=:' . encode_base64(sha256($asked->{BODY}), '') . ':';
    my $parameters = "$COMPONENTS;created=$created;nonce=\"" . encode_base64url($nonce) . "\";keyid=\"$keyid\""
        . ';alg="hmac-sha256";tag="holdfast-v1"';
    my $base = join "\n",
        "\"\@method\": $asked->{METHOD}",
        "\"\@authority\": $authority",
        "\"\@path\": $path",
        '"@query": ?' . ($query // ''),
        "\"content-digest\": $digest",
        "\"\@signature-params\": $parameters";
    my $signature = encode_base64(hmac_sha256($base, $secret), '');
    return {
        'Content-Digest'  => $digest,
        'Signature-Input' => "hf=$parameters",
        'Signature'       => "hf=:$signature:",
    };
}

# Return a connection to --agent, or undef, and the authority that it has.
sub connect_to {
    my ($agent) = @_;
    if ($agent =~ m{\Aunix:(/.+)\z}s) {
        return (IO::Socket::UNIX->new(Peer => $1), 'localhost');
    }
    my ($host, $port) = $agent =~ m{\Ahttp://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?/?\z}
        or fail($USAGE, '--agent must be http://HOST:PORT or unix:/path/to.sock');
    $port = int($port // 80);
    (my $name = $host) =~ tr/[]//d;
    my $socket = IO::Socket::IP->new(PeerHost => $name, PeerPort => $port, Timeout => 10);
    return ($socket, lc($host) . ($port == 80 ? '' : ":$port"));
}

# Send a request signed for now; return status and body of the answer.
sub send_request {
    my ($asked) = @_;
    my ($socket, $authority) = connect_to($asked->{agent});
    fail($UNREACHABLE, "$asked->{agent}: cannot connect: $!") unless $socket;
    open my $random, '<:raw', '/dev/urandom' or fail($USAGE, "/dev/urandom: $!");
    sysread($random, my $nonce, 16) == 16 or fail($USAGE, '/dev/urandom: too short');
    my $fields = signed_fields($asked, $authority, time, $nonce);
    @$fields{'Host', 'Content-Length', 'Connection'} = ($authority, length $asked->{BODY}, 'close');
    my $head = join '', map { "$_: $fields->{$_}\r\n" } sort keys %$fields;

    local $SIG{ALRM} = sub { fail($UNREACHABLE, "$asked->{agent}: no answer in time; it may have had its effect") };
    local $SIG{PIPE} = 'IGNORE';
    alarm $PATIENCE;
    print {$socket} "$asked->{METHOD} $asked->{PATH} HTTP/1.1\r\n$head\r\n$asked->{BODY}";
    $socket->flush;
    my $answer = do { local $/; <$socket> } // '';
    my ($top, $text) = split /\r\n\r\n/, $answer, 2;
    my ($status) = ($top // '') =~ m{\AHTTP/1\.1 ([0-9]{3}) };
    my $body = eval { decode_json($text // '') };
    fail($UNREACHABLE, "$asked->{agent}: no answer of an agent; the request may have had its effect")
        unless $status && ref $body;
    return { status => int $status, body => $body };
}

# Return the header fields for a given time and nonce, to compare with worked bytes.
sub print_headers {
    my ($asked) = @_;
    must_match($asked->{created}, '[0-9]{1,15}', '--created must be whole seconds since 1970');
    must_match($asked->{nonce}, '(?:[0-9A-Fa-f]{2}){16,64}', '--nonce must be 16 to 64 bytes in hexadecimal');
    (my $authority = lc $asked->{authority}) =~ s/:80\z//;
    return signed_fields($asked, $authority, $asked->{created}, pack 'H*', $asked->{nonce});
}

# Return the credential with one more caveat.
sub narrow {
    my ($asked) = @_;
    my ($keyid, $secret) = read_credential($asked->{credential});
    must_match($asked->{CAVEAT}, '[a-z]+=[!#-:<-\[\]-~]+', 'CAVEAT must be one name=value in printable ASCII without ;');
    return {
        keyid  => "$keyid;$asked->{CAVEAT}",
        secret => encode_base64url(hmac_sha256($asked->{CAVEAT}, $secret)),
    };
}

my $command = $COMMANDS{ shift @ARGV // '' } or fail($USAGE, 'usage: sign.pl send|headers|narrow --credential FILE ...');
my (%asked, $mistake);
local $SIG{__WARN__} = sub { $mistake = "@_" };
GetOptionsFromArray(\@ARGV, \%asked, map { "$_=s" } @{ $command->{options} });
chomp $mistake, fail($USAGE, $mistake) if $mistake;
exists $asked{$_} or fail($USAGE, "--$_ is missing") for @{ $command->{options} };
my @words = @{ $command->{words} };
fail($USAGE, "expected @words") if @ARGV > @words || @ARGV < @words - ($words[-1] eq 'BODY');
@asked{@words} = (@ARGV, ('') x (@words - @ARGV));
print JSON::PP->new->canonical->utf8->encode($command->{run}->(\%asked)), "\n";
