# Sends calls as programs in Ruby do, with Net::HTTP, on which the clients' own libraries stand, and prints what came back as JSON.
#
# Standard input: as send.php has it. With "keep" all calls go over one connection.
require "json"
require "net/http"
require "uri"

def answer_of(http, call)
  uri = URI(call["url"])
  kind = call["method"] == "POST" ? Net::HTTP::Post : Net::HTTP::Get
  request = kind.new(uri)
  call["headers"].each do |line|
    name, value = line.split(":", 2)
    request[name] = value.strip
  end
  request.basic_auth(*call["user"].split(":", 2)) if call["user"]
  request.body = call["body"] if call["body"]
  response = http.request(request)
  { status: response.code.to_i, headers: response.each_header.to_h, body: response.body }
end

job = JSON.parse($stdin.read)
connect = lambda do |uri, &work|
  Net::HTTP.start(uri.host, uri.port, read_timeout: 60, &work)
end
answers =
  if job["keep"]
    connect.call(URI(job["calls"].first["url"])) { |http| job["calls"].map { |call| answer_of(http, call) } }
  else
    job["calls"].map { |call| connect.call(URI(call["url"])) { |http| answer_of(http, call) } }
  end
puts JSON.generate(answers)
